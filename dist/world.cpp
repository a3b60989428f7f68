#include <ravine/dist/world.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <stdexcept>

#include <ravine/core/text.hpp>
#include <ravine/dist/messages.hpp>

namespace ravine::dist {
namespace {

using detail::Place;
using detail::text;

const char* name(Place place) {
  const char* const names[] = {"elsewhere",
                               "a comparison of ranks",
                               "the beginning of a step",
                               "a sum within a step",
                               "its gradients",
                               "an error",
                               "its end"};
  return names[static_cast<std::size_t>(place)];
}

/// "rank 1", "ranks 1, 2"
std::string list(const std::vector<std::size_t>& ranks) {
  std::string all = ranks.size() == 1 ? "rank " : "ranks ";
  for (const std::size_t rank : ranks) all += (rank == ranks[0] ? "" : ", ") + text(rank);
  return all;
}

/// mpirun, be it OpenMPI's or MPICH's, and srun say how many processes they have started.
void miss_others() {
  for (const char* const variable : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"})
    if (const char* const count = std::getenv(variable); count && std::atoi(count) > 1)
      throw std::runtime_error(
          text("World: ", count,
               " processes have been started, each of which is alone: this program was built with another ",
               "MPI, or none, or srun wants --mpi; one that is to be alone starts without the environment variable ",
               variable));
}

/// What it says, as long as it lives.
const char* message(const std::exception_ptr& error) {
  try {
    if (error) std::rethrow_exception(error);
    return "it was left by an exception";
  } catch (const std::exception& e) {
    return e.what();
  } catch (...) {
    return "an exception that is no std::exception";
  }
}

int own_rank = 0;
std::terminate_handler handler_before = nullptr;

/// Of several ranks: the launcher sees one of them end, and ends the others.
[[noreturn]] void end_all() {
  const std::exception_ptr error = std::current_exception();
  std::fprintf(stderr, "dist: rank %d: %s\n", own_rank, error ? message(error) : "std::terminate was called");
  detail::let_others_speak();
  handler_before();
  std::abort();
}

bool absent(const World::Word& word) { return word.place == Place::elsewhere; }

/// The ranks whose number is not that of most, of those that are there.
std::vector<std::size_t> odd_ones(const std::vector<World::Word>& words) {
  const auto as_many = [&](const World::Word& like) {
    const auto is_like = [&](const World::Word& w) { return w.value == like.value && !absent(w); };
    return std::count_if(words.begin(), words.end(), is_like);
  };
  const auto fewer = [&](const World::Word& a, const World::Word& b) { return as_many(a) < as_many(b); };
  const auto most = std::max_element(words.begin(), words.end(), fewer);
  std::vector<std::size_t> result;
  for (std::size_t rank = 0; rank < words.size(); ++rank)
    if (words[rank].value != most->value && !absent(words[rank])) result.push_back(rank);
  return result;
}

/// Why ranks that say this cannot go on together; nothing if they can.
std::string apart(const std::vector<World::Word>& words) {
  const auto first = std::find_if_not(words.begin(), words.end(), absent);
  const auto other =
      std::find_if(first, words.end(), [&](const auto& w) { return !absent(w) && w.place != first->place; });
  if (other == words.end()) return {};
  return text("rank ", first - words.begin(), " is at ", name(first->place), ", rank ", other - words.begin(), " at ",
              name(other->place), ": all must run the same program");
}

}  // namespace

World::World(int& argc, char**& argv)
    : messages_(std::make_unique<detail::Messages>(argc, argv)),
      other_messages_(messages_->duplicate()),
      exceptions_(std::uncaught_exceptions()) {
  if (size() == 1) miss_others();
  own_rank = rank();
  if (size() > 1) handler_before = std::set_terminate(end_all);
}

World::~World() {
  if (messages_->open()) leave();
  if (std::get_terminate() == end_all) std::set_terminate(handler_before);
}

void World::leave() noexcept {
  try {
    if (std::uncaught_exceptions() > exceptions_)
      fail({});
    else
      meet({Place::end});
  } catch (const std::exception&) {  // the others say so
    told_ = true;
  }
  other_messages_.reset();
  messages_.reset();
  if (told_) detail::let_others_speak();
}

int World::rank() const { return messages_->rank(); }
int World::size() const { return messages_->size(); }

std::vector<World::Word> World::gather(const Word& mine) {
  std::vector<Word> all(static_cast<std::size_t>(size()), mine);
  const std::vector<int> counts(all.size(), sizeof(Word) / 4);
  if (size() > 1) messages_->all_gather(&mine, all.data(), counts);
  return all;
}

/// What the first rank that has failed says.
std::string World::failure(const std::vector<Word>& words, const std::string& mine) {
  const auto failed = std::find_if(words.begin(), words.end(), [](const Word& w) { return w.place == Place::failure; });
  if (failed == words.end()) return {};
  const int from = static_cast<int>(failed - words.begin());
  std::string why = mine;
  why.resize(static_cast<std::size_t>(failed->rows), ' ');
  why.resize((why.size() + 3) / 4 * 4, ' ');
  messages_->broadcast(from, why.data(), static_cast<int>(why.size() / 4));
  why.resize(static_cast<std::size_t>(failed->rows));
  return text("rank ", from, ": ", why);
}

std::vector<World::Word> World::meet(const Word& mine, const char* what) {
  if (size() == 1) return {mine};
  if (!parted_.empty()) throw std::runtime_error(parted_);
  const std::vector<Word> words = gather(mine);
  parted_ = failure(words, "");
  told_ = !parted_.empty();
  if (parted_.empty()) parted_ = apart(words);
  if (!parted_.empty()) throw std::runtime_error(parted_);
  if (const auto odd = odd_ones(words); !odd.empty())
    throw std::runtime_error(
        text(list(odd), odd.size() == 1 ? " has" : " have", " another ", what, " than the others"));
  return words;
}

void World::fail(const std::exception_ptr& error) noexcept {
  if (size() == 1 || !parted_.empty()) return;
  const std::string why = message(error);
  const std::vector<Word> words = gather({Place::failure, 0, static_cast<std::int64_t>(why.size())});
  const std::string first = failure(words, why);
  const bool all = std::all_of(words.begin(), words.end(), [](const Word& w) { return w.place == Place::failure; });
  if (!all) parted_ = first;
}

}  // namespace ravine::dist
