#pragma once

#include "sandbox/policy/seccomp_profile.hpp"

#include <string>
#include <vector>

#include <linux/filter.h>

namespace sandbox::launcher {

/// Compiles a policy's profile, once for each digest. Names that this kernel or library does not know are
/// logged.
class SeccompPrograms {
  public:
    const std::vector<sock_filter>& get(const std::string& digest, const policy::SeccompProfile& profile);

  private:
    struct Entry {
        std::string digest;
        std::vector<sock_filter> program;
    };
    std::vector<Entry> entries_; ///< the newest last, a few
};

} // namespace sandbox::launcher
