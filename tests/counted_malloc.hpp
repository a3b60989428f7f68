// Counts what a program asks the system's allocator for, with functions in front of glibc's. For one source only.
#pragma once

#include <malloc.h>

#include <atomic>
#include <cstddef>
#include <cstring>

static std::atomic<long> allocations{0};  // calls
static std::atomic<long> bytes_held{0}, most_bytes_held{0};

extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
void __libc_free(void*);
}

/// Every block is asked for with room at its end for the number of bytes that the program wanted.
static constexpr std::size_t note = sizeof(std::size_t);
static void* note_of(void* block) { return static_cast<char*>(block) + malloc_usable_size(block) - note; }

static void* counted(void* block, std::size_t size) {
  ++allocations;
  if (!block) return nullptr;
  std::memcpy(note_of(block), &size, note);
  const long held = bytes_held += static_cast<long>(size);
  if (held > most_bytes_held) most_bytes_held = held;
  return block;
}

static void* given_back(void* block) {
  if (!block) return nullptr;
  std::size_t size;
  std::memcpy(&size, note_of(block), note);
  bytes_held -= static_cast<long>(size);
  return block;
}

extern "C" {
void* malloc(std::size_t size) { return counted(__libc_malloc(size + note), size); }
void* calloc(std::size_t count, std::size_t size) {
  return counted(__libc_calloc(1, count * size + note), count * size);
}
void* realloc(void* block, std::size_t size) { return counted(__libc_realloc(given_back(block), size + note), size); }
void* memalign(std::size_t alignment, std::size_t size) {
  return counted(__libc_memalign(alignment, size + note), size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) { return memalign(alignment, size); }
int posix_memalign(void** block, std::size_t alignment, std::size_t size) {
  *block = memalign(alignment, size);
  return *block ? 0 : 12;
}
void free(void* block) { __libc_free(given_back(block)); }
}
