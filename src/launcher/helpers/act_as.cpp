#include "launcher/helpers/act_as.hpp"

#include "sandbox/base/error.hpp"

#include <cerrno>

#include <sys/fsuid.h>

namespace sandbox::launcher {
namespace {

void be_root() {
    const int number = errno; // of what was done meanwhile
    ::setfsuid(0);
    ::setfsgid(0);
    errno = number;
}

} // namespace

ActAs::ActAs(std::uint32_t id) {
    ::setfsgid(id);
    ::setfsuid(id);
    // Neither call says whether it failed; asking with an id that cannot be does.
    if (static_cast<std::uint32_t>(::setfsuid(static_cast<uid_t>(-1))) != id ||
        static_cast<std::uint32_t>(::setfsgid(static_cast<gid_t>(-1))) != id) {
        be_root();
        throw Error(Errc::internal, "the kernel lets the launcher take no other user");
    }
}

ActAs::~ActAs() {
    be_root();
}

} // namespace sandbox::launcher
