#include "launcher/spec/limit_name.hpp"

#include "sandbox/base/error.hpp"

#include <array>
#include <utility>

#include <sys/resource.h>

namespace sandbox::launcher {

const LimitName& limit_name(int resource) {
    static constexpr std::array<std::pair<int, LimitName>, 7> kNames{
        {{RLIMIT_NOFILE, {"Max open files", "LimitNOFILE"}},
         {RLIMIT_CORE, {"Max core file size", "LimitCORE"}},
         {RLIMIT_FSIZE, {"Max file size", "LimitFSIZE"}},
         {RLIMIT_MEMLOCK, {"Max locked memory", "LimitMEMLOCK"}},
         {RLIMIT_MSGQUEUE, {"Max msgqueue size", "LimitMSGQUEUE"}},
         {RLIMIT_NICE, {"Max nice priority", "LimitNICE"}},
         {RLIMIT_RTPRIO, {"Max realtime priority", "LimitRTPRIO"}}}};
    for (const auto& [number, name] : kNames)
        if (number == resource)
            return name;
    throw Error(Errc::internal, "a resource limit without a name: " + std::to_string(resource));
}

} // namespace sandbox::launcher
