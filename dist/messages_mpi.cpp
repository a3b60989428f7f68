#include <mpi.h>
#include <sched.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <numeric>
#include <thread>
#include <vector>

#include <ravine/dist/launcher.hpp>
#include <ravine/dist/messages.hpp>

namespace ravine::detail {
namespace {

MPI_Comm communicators[2] = {MPI_COMM_WORLD, MPI_COMM_NULL};
const MPI_Datatype word = MPI_UINT32_T;

/// Held by the thread that calls MPI, which is to be one at a time; a signal's handler may call exit() meanwhile.
std::recursive_mutex one_at_a_time;
std::atomic<int> wanting = 0;  // threads that wait for it

struct Turn {
  Turn() {
    ++wanting;
    one_at_a_time.lock();
    --wanting;
  }
  ~Turn() { one_at_a_time.unlock(); }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
};

pid_t process = 0;          // that MPI knows, or is to: from the beginning of its World on
bool started_here = false;  // and not by the program

/// Whether this machine has fewer processors than ranks.
bool crowded = false;

bool is_crowded() {
  MPI_Comm here;
  int ranks = 0;
  MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &here);
  MPI_Comm_size(here, &ranks);
  MPI_Comm_free(&here);
  return ranks > sysconf(_SC_NPROCESSORS_ONLN);
}

/// Begins what gives a request, and waits for its end; in a crowd, after a moment, as one who has no processor for
/// himself. Who has one keeps it, unless he sleeps: on a busy machine it would be milliseconds until it came back. But
/// another thread gets its turn.
void finish(const std::atomic<bool>& sleeps, auto begin) {
  MPI_Request requests[2] = {MPI_REQUEST_NULL, MPI_REQUEST_NULL};
  int done = 0;
  for (std::int64_t tests = 0; !done; ++tests) {
    {
      const Turn turn;
      if (tests == 0) begin(requests);
      MPI_Testall(2, requests, &done, MPI_STATUSES_IGNORE);
    }
    if (!done && tests % 1'000 == 999) end_with_mpirun();
    while (!done && wanting > 0) sched_yield();
    if (!done && sleeps)
      std::this_thread::sleep_for(std::chrono::microseconds(100));
    else if (!done && crowded && tests > 200)
      sched_yield();
  }
}

std::vector<int> places(std::span<const int> words) {
  std::vector<int> result;
  int sum = 0;
  for (const int count : words) {
    result.push_back(sum);
    sum += count;
  }
  return result;
}

/// Those of words for others.
std::int64_t bytes(std::span<const int> words, int own) {
  return 4 * (std::accumulate(words.begin(), words.end(), std::int64_t{0}) - words[static_cast<std::size_t>(own)]);
}

bool is_open() {
  int finalized = 0;
  MPI_Finalized(&finalized);
  return !finalized && process == getpid();
}

/// A program that calls exit() in the midst of it all leaves nobody waiting.
void leave_nobody_waiting() {
  if (process != getpid()) return;
  const Turn turn;
  if (!is_open()) return end_to_be_watched();
  if (!started_here) return;
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  std::fprintf(stderr, "dist: rank %d: exit() before the end of its World\n", rank);
  let_others_speak();
  MPI_Abort(MPI_COMM_WORLD, 1);
}

}  // namespace

Messages::Messages(int& argc, char**& argv) {
  int started = 0, threads = 0;
  begin_to_be_watched();
  process = getpid();
  MPI_Initialized(&started);
  started_here = !started;
  if (started_here) {
    const std::jthread watch = watch_others();
    MPI_Init_thread(&argc, &argv, MPI_THREAD_SERIALIZED, &threads);
  }
  std::atexit(leave_nobody_waiting);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
  MPI_Comm_size(MPI_COMM_WORLD, &size_);
  crowded = is_crowded();
  if (size_ == 1) end_to_be_watched();
}

Messages::~Messages() {
  if (open() && number_ > 0)
    MPI_Comm_free(&communicators[number_]);
  else if (open() && started_here)
    MPI_Finalize();
  if (number_ == 0) end_to_be_watched();
}

std::unique_ptr<Messages> Messages::duplicate() const {
  std::unique_ptr<Messages> result(new Messages);
  result->rank_ = rank_;
  result->size_ = size_;
  result->number_ = 1;
  MPI_Comm_dup(communicators[0], &communicators[1]);
  return result;
}

bool Messages::from_threads() const {
  int threads = 0;
  MPI_Query_thread(&threads);
  return threads >= (started_here ? MPI_THREAD_SERIALIZED : MPI_THREAD_MULTIPLE);
}

bool Messages::open() const { return is_open(); }

void Messages::all_gather(const void* mine, void* all, std::span<const int> words) {
  const std::vector<int> at = places(words);
  finish(sleeps_, [&](MPI_Request* request) {
    MPI_Iallgatherv(mine, words[static_cast<std::size_t>(rank_)], word, all, words.data(), at.data(), word,
                    communicators[number_], request);
  });
  sent_ += std::int64_t{4} * words[static_cast<std::size_t>(rank_)] * (size_ - 1);
}

void Messages::all_to_all(const void* out, std::span<const int> out_words, void* in, std::span<const int> in_words) {
  const std::vector<int> out_at = places(out_words), in_at = places(in_words);
  finish(sleeps_, [&](MPI_Request* request) {
    MPI_Ialltoallv(out, out_words.data(), out_at.data(), word, in, in_words.data(), in_at.data(), word,
                   communicators[number_], request);
  });
  sent_ += bytes(out_words, rank_);
}

void Messages::swap(int partner, const void* out, int out_words, void* in, int in_words) {
  finish(sleeps_, [&](MPI_Request* requests) {
    if (in_words > 0) MPI_Irecv(in, in_words, word, partner, 0, communicators[number_], &requests[0]);
    if (out_words > 0) MPI_Isend(out, out_words, word, partner, 0, communicators[number_], &requests[1]);
  });
  sent_ += std::int64_t{4} * out_words;
}

void Messages::broadcast(int from, void* data, int words) {
  finish(sleeps_, [&](MPI_Request* request) { MPI_Ibcast(data, words, word, from, communicators[number_], request); });
  if (rank_ == from) sent_ += std::int64_t{4} * words * (size_ - 1);
}

}  // namespace ravine::detail
