#include "launcher/build/session_network.hpp"

#include "sandbox/base/error.hpp"
#include "sandbox/kernel/namespace.hpp"

namespace sandbox::launcher {

UniqueFd make_session_network(LauncherContext& context, const SandboxSpec& spec) {
    UniqueFd network = kernel::new_network_namespace();
    kernel::disable_ipv6(network.get());
    {
        const kernel::NetnsGuard inside(network.get());
        kernel::Netlink link;
        try {
            link.create_veth("eth0", spec.link, context.gateway.get());
        } catch (const Error& error) {
            throw Error(Errc::conflict,
                        "slot " + std::to_string(spec.slot) + " cannot get its link: " + error.what(),
                        "take another slot: the kernel may still be taking the old link down", "slot");
        }
        link.set_up("lo");
        link.configure_link("eth0", spec.address, 31);
    }
    // The filter comes before the link is up: at no moment can a session begin a connection to the near end.
    context.gateway_link.attach_xdp(spec.link, context.link_filter.get());
    context.gateway_link.configure_link(spec.link, spec.near_address, 31);
    return network;
}

} // namespace sandbox::launcher
