#include <ravine/dist/messages.hpp>

namespace ravine::detail {

Messages::Messages(int&, char**&) {}
Messages::~Messages() = default;
void Messages::all_gather(const void*, void*, std::span<const int>) {}
void Messages::all_to_all(const void*, std::span<const int>, void*, std::span<const int>) {}
void Messages::swap(int, const void*, int, void*, int) {}
void Messages::broadcast(int, void*, int) {}

}  // namespace ravine::detail
