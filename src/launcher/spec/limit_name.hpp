#pragma once

namespace sandbox::launcher {

struct LimitName {
    const char* file_title;   ///< as /proc/PID/limits calls it (proc(5)): "Max open files"
    const char* unit_setting; ///< as units of systemd call it (systemd.exec(5)): "LimitNOFILE"
};

/// Of the limits that a blueprint sets, by RLIMIT_*. Throws Error internal for any other.
const LimitName& limit_name(int resource);

} // namespace sandbox::launcher
