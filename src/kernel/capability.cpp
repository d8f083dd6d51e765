#include "sandbox/kernel/capability.hpp"

#include "sandbox/base/error.hpp"
#include "sandbox/base/file.hpp"

#include <cerrno>
#include <cstdlib>
#include <sstream>

#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace sandbox::kernel {
namespace {

constexpr int kMaxCapability = 63;
constexpr unsigned long kSecurebits = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
                                      SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED |
                                      SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;

/// All sets but the bounding one. 0 or an errno.
int empty_sets() noexcept {
    if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0)
        return errno;
    __user_cap_header_struct header{};
    header.version = _LINUX_CAPABILITY_VERSION_3;
    const __user_cap_data_struct none[2]{};
    return ::syscall(SYS_capset, &header, none) == 0 ? 0 : errno;
}

} // namespace

int drop_all_capabilities() noexcept {
    for (int capability = 0; capability <= kMaxCapability; ++capability)
        if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0) {
            if (errno == EINVAL)
                break; // the kernel's last one is behind us
            return errno;
        }
    if (::prctl(PR_SET_SECUREBITS, kSecurebits, 0, 0, 0) != 0)
        return errno;
    return empty_sets();
}

void give_up_capabilities() {
    if (const int error_number = empty_sets(); error_number != 0)
        throw errno_error(error_number, "cannot give up the capabilities");
}

void keep_only_capabilities(const std::vector<std::string>& names) {
    const cap_t held = ::cap_get_proc();
    const cap_t kept = ::cap_init();
    for (const std::string& name : names) {
        cap_value_t value = 0;
        cap_flag_value_t set = CAP_CLEAR;
        if (::cap_from_name(name.c_str(), &value) != 0)
            continue; // a kernel without it
        if (::cap_get_flag(held, value, CAP_PERMITTED, &set) == 0 && set == CAP_SET) {
            ::cap_set_flag(kept, CAP_PERMITTED, 1, &value, CAP_SET);
            ::cap_set_flag(kept, CAP_EFFECTIVE, 1, &value, CAP_SET);
        }
    }
    int error_number = 0;
    for (cap_value_t value = 0; value <= kMaxCapability && error_number == 0; ++value) {
        cap_flag_value_t set = CAP_CLEAR;
        if (::cap_get_flag(kept, value, CAP_PERMITTED, &set) != 0 || set == CAP_SET)
            continue;
        if (::cap_drop_bound(value) != 0 && errno != EINVAL)
            error_number = errno;
    }
    if (error_number == 0 && ::cap_set_proc(kept) != 0)
        error_number = errno;
    ::cap_free(held);
    ::cap_free(kept);
    if (error_number != 0)
        throw errno_error(error_number, "cannot narrow the capabilities");
}

CapabilitySets capabilities_of(pid_t pid) {
    std::istringstream status(read_file("/proc/" + std::to_string(pid) + "/status"));
    CapabilitySets sets;
    for (std::string line; std::getline(status, line);) {
        const auto take = [&](const char* name, std::uint64_t& set) {
            if (line.starts_with(name))
                set = std::strtoull(line.c_str() + line.find(':') + 1, nullptr, 16);
        };
        take("CapInh:", sets.inheritable);
        take("CapPrm:", sets.permitted);
        take("CapEff:", sets.effective);
        take("CapBnd:", sets.bounding);
        take("CapAmb:", sets.ambient);
    }
    return sets;
}

} // namespace sandbox::kernel
