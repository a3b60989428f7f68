// How fast read_csv is: csv FILE [threads]. Prints its seconds, those of processors, and the most memory held, in MB.
// bench/peers/read_csv.py runs it in turn with pandas and polars, on files it makes.
#include <omp.h>
#include <sys/resource.h>

#include <chrono>
#include <cstdio>

#include <ravine/bench/arguments.hpp>
#include <ravine/data/csv.hpp>

static rusage usage() {
  rusage result{};
  getrusage(RUSAGE_SELF, &result);
  return result;
}

static double processor_seconds() {
  const rusage now = usage();
  return static_cast<double>(now.ru_utime.tv_sec + now.ru_stime.tv_sec) +
         static_cast<double>(now.ru_utime.tv_usec + now.ru_stime.tv_usec) / 1e6;
}

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fputs("csv FILE [threads]\n", stderr);
    return 2;
  }
  if (argc > 2) omp_set_num_threads(bench::argument(argc, argv, 2, 1));
  const double before = processor_seconds();
  const auto start = std::chrono::steady_clock::now();
  const auto table = ravine::data::read_csv(argv[1]);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  std::printf("%.4f %.4f %.0f\n", seconds, processor_seconds() - before, static_cast<double>(usage().ru_maxrss) / 1e3);
  return table.rows() > 0 ? 0 : 1;
}
