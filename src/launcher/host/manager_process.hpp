#pragma once

#include "launcher/host/launcher_context.hpp"

#include <string>
#include <vector>

#include <sys/types.h>

namespace sandbox::launcher {

/// The API's listening sockets on the host: unix path and loopback TCP, by the site's settings. The manager
/// lives in another network namespace and gets them as descriptors.
struct ApiSockets {
    std::vector<UniqueFd> sockets;
    std::string names; ///< LISTEN_FDNAMES: "api-unix:api-tcp"
};
ApiSockets open_api_sockets(const policy::Site& site);

/// `--with-manager`: starts sandboxd as the manager's user inside the gateway namespace, with the API's
/// sockets (sd_listen_fds(3)).
pid_t start_manager(const LauncherContext& context, const ApiSockets& sockets,
                    const std::vector<std::string>& argv);

/// A process that does nothing, so that a scope of systemd stays: it has no descriptor and outlives the
/// launcher.
pid_t start_holder(const LauncherContext& context);

} // namespace sandbox::launcher
