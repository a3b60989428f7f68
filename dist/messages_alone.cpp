#include <ravine/dist/messages.hpp>

namespace ravine::detail {

void let_others_speak() {}
Messages::Messages(int&, char**&) {}
Messages::~Messages() = default;
std::unique_ptr<Messages> Messages::duplicate() const { return std::unique_ptr<Messages>(new Messages); }
bool Messages::from_threads() const { return false; }
bool Messages::open() const { return true; }
void Messages::all_gather(const void*, void*, std::span<const int>) {}
void Messages::all_to_all(const void*, std::span<const int>, void*, std::span<const int>) {}
void Messages::swap(int, const void*, int, void*, int) {}
void Messages::broadcast(int, void*, int) {}

}  // namespace ravine::detail
