/// @file
/// Who has started this process, an mpirun or srun, and what is done lest others wait for a rank that is no more; for
/// the library's sources, not its public headers.
#pragma once

#include <thread>

namespace ravine::detail {

/// Sees to it that all end if this process dies before it says that it need not.
void begin_to_be_watched();
/// From then on it is nobody's matter how this rank ends.
void end_to_be_watched();

/// Ends this process when one of its machine has ended before its World, or not all have begun theirs in time; as long
/// as the thread lives.
std::jthread watch_others();
/// Ends this process if MPICH's mpirun, which ends the process groups that it has started, has ended; who is in another
/// group, as of `timeout` in a script, is left.
void end_with_mpirun();

}  // namespace ravine::detail
