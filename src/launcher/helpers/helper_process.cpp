#include "launcher/helpers/helper_process.hpp"

#include "sandbox/base/error.hpp"
#include "sandbox/kernel/capability.hpp"

#include <algorithm>

#include <grp.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sandbox::launcher {
namespace {

void check(int result, const char* what) {
    if (result != 0)
        throw_errno(what);
}

} // namespace

void close_all_but(std::vector<int> kept) {
    std::ranges::sort(kept);
    unsigned first = 0;
    for (const int fd : kept) {
        if (static_cast<unsigned>(fd) > first)
            ::close_range(first, static_cast<unsigned>(fd) - 1, 0);
        first = static_cast<unsigned>(fd) + 1;
    }
    ::close_range(first, ~0U, 0);
}

void drop_privileges_to(std::uint32_t uid, std::uint32_t gid) {
    // Else the changed uid would take the capabilities that the dropping of the bounding set needs.
    check(::prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP), "prctl(PR_SET_SECUREBITS)");
    check(::setgroups(0, nullptr), "setgroups");
    check(::setresgid(gid, gid, gid), "setresgid");
    check(::setresuid(uid, uid, uid), "setresuid");
    if (const int error_number = kernel::drop_all_capabilities(); error_number != 0)
        throw errno_error(error_number, "capabilities");
    check(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl(PR_SET_NO_NEW_PRIVS)");
    check(::prctl(PR_SET_DUMPABLE, 0), "prctl(PR_SET_DUMPABLE)");
    ::umask(022);
}

} // namespace sandbox::launcher
