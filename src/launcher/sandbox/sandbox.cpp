#include "launcher/sandbox/sandbox.hpp"

#include "sandbox/kernel/process.hpp"

namespace sandbox::launcher {

pid_t find_engine(const kernel::CgroupDir& session, pid_t init) {
    for (const pid_t pid : session.open_child("payload").processes())
        if (kernel::parent_of(pid) == init)
            return pid;
    return 0;
}

} // namespace sandbox::launcher
