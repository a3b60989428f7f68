#include <mpi.h>
#include <sched.h>
#include <unistd.h>

#include <cstdlib>
#include <numeric>
#include <vector>

#include <ravine/dist/messages.hpp>

namespace ravine::detail {
namespace {

const MPI_Comm everyone = MPI_COMM_WORLD;
const MPI_Datatype word = MPI_UINT32_T;

/// Whether this machine has fewer processors than ranks.
bool crowded = false;

bool is_crowded() {
  MPI_Comm here;
  int ranks = 0;
  MPI_Comm_split_type(everyone, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &here);
  MPI_Comm_size(here, &ranks);
  MPI_Comm_free(&here);
  return ranks > sysconf(_SC_NPROCESSORS_ONLN);
}

/// Waits; in a crowd, after a moment, as one who has no processor for himself. Who has one keeps it: on a busy machine
/// it would be milliseconds until it came back.
void finish(MPI_Request request) {
  int done = 0;
  for (int tests = 0; !done; ++tests) {
    MPI_Test(&request, &done, MPI_STATUS_IGNORE);
    if (!done && crowded && tests > 200) sched_yield();
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

/// A program that calls exit() in the midst of it all leaves nobody waiting.
void leave_nobody_waiting() {
  int finalized = 0;
  MPI_Finalized(&finalized);
  if (!finalized) MPI_Abort(everyone, 1);
}

}  // namespace

Messages::Messages(int& argc, char**& argv) {
  int started = 0, threads = 0;
  MPI_Initialized(&started);
  ours_ = !started;
  if (ours_) {
    MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &threads);
    std::atexit(leave_nobody_waiting);
  }
  MPI_Comm_rank(everyone, &rank_);
  MPI_Comm_size(everyone, &size_);
  crowded = is_crowded();
}

Messages::~Messages() {
  if (ours_) MPI_Finalize();
}

void Messages::all_gather(const void* mine, void* all, std::span<const int> words) {
  MPI_Request request;
  const std::vector<int> at = places(words);
  MPI_Iallgatherv(mine, words[static_cast<std::size_t>(rank_)], word, all, words.data(), at.data(), word, everyone,
                  &request);
  finish(request);
  sent_ += std::int64_t{4} * words[static_cast<std::size_t>(rank_)] * (size_ - 1);
}

void Messages::all_to_all(const void* out, std::span<const int> out_words, void* in, std::span<const int> in_words) {
  MPI_Request request;
  const std::vector<int> out_at = places(out_words), in_at = places(in_words);
  MPI_Ialltoallv(out, out_words.data(), out_at.data(), word, in, in_words.data(), in_at.data(), word, everyone,
                 &request);
  finish(request);
  sent_ += bytes(out_words, rank_);
}

void Messages::swap(int partner, const void* out, int out_words, void* in, int in_words) {
  MPI_Request receive = MPI_REQUEST_NULL, send = MPI_REQUEST_NULL;
  if (in_words > 0) MPI_Irecv(in, in_words, word, partner, 0, everyone, &receive);
  if (out_words > 0) MPI_Isend(out, out_words, word, partner, 0, everyone, &send);
  finish(receive);
  finish(send);
  sent_ += std::int64_t{4} * out_words;
}

void Messages::broadcast(int from, void* data, int words) {
  MPI_Request request;
  MPI_Ibcast(data, words, word, from, everyone, &request);
  finish(request);
  if (rank_ == from) sent_ += std::int64_t{4} * words * (size_ - 1);
}

}  // namespace ravine::detail
