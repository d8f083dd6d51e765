#pragma once

#include "sandbox/policy/tenant.hpp"

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace sandbox::launcher {

/// What the drop-ins (`*.conf`) in these folders set, for example "MemoryMax": what an administrator gave a
/// unit by `systemctl set-property` or `systemctl edit`. Folders that are not there have none.
std::set<std::string> settings_in(const std::vector<std::string>& folders);

/// The tenant's limits as properties of its slice (systemd.resource-control(5), org.freedesktop.systemd1(5)),
/// UINT64_MAX for none: each is there, so that an old value does not stay, but for those whose setting is in
/// `administrators`, who has the last word.
std::map<std::string, std::uint64_t> slice_limits(const policy::Tenant& tenant,
                                                  const std::set<std::string>& administrators);

} // namespace sandbox::launcher
