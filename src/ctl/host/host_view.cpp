#include "ctl/host/host_view.hpp"

#include <sys/resource.h>
#include <sys/timex.h>
#include <sys/utsname.h>

namespace sandbox::ctl {

HostView this_host() {
    HostView host;
    timex clock{};
    host.clock_is_set = ::adjtimex(&clock) >= 0 && (clock.status & STA_UNSYNC) == 0;
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) == 0)
        host.descriptors = files.rlim_max;
    utsname names{};
    if (::uname(&names) == 0)
        host.kernel_release = names.release;
    return host;
}

} // namespace sandbox::ctl
