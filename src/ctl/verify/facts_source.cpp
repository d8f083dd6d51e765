#include "ctl/verify/facts_source.hpp"

#include "ctl/host/host_units.hpp"
#include "sandbox/protocol/message.hpp"
#include "sandbox/protocol/packet_socket.hpp"

#include <filesystem>

#include <poll.h>
#include <unistd.h>

namespace sandbox::ctl {
namespace {

UniqueFd connect_to(const std::string& path) {
    UniqueFd socket = protocol::connect_packet_socket(path);
    if (!socket)
        throw Error(Errc::unavailable, "the launcher does not answer at " + path, start_cure(this_host()));
    if (protocol::peer_credentials(socket.get()).uid != 0)
        throw Error(Errc::denied, "it is not root that listens at " + path,
                    "The folder must be writable for root alone.");
    return socket;
}

} // namespace

Json ask_launcher(const std::string& socket_path, const std::string& session, Duration timeout) {
    const UniqueFd socket = connect_to(socket_path);
    protocol::send_packet(
        socket.get(), protocol::encode(protocol::Packet<protocol::Request>{1, protocol::Inspect{session}}));
    pollfd readable{socket.get(), POLLIN, 0};
    const auto patience = std::chrono::duration_cast<std::chrono::milliseconds>(timeout).count();
    if (::poll(&readable, 1, static_cast<int>(patience)) != 1)
        throw Error(Errc::timed_out, "the launcher has not answered", "It may be busy: try again.");
    const protocol::Packet<protocol::Reply> reply =
        protocol::decode_reply(protocol::receive_packet(socket.get()).text);
    if (const auto* failure = std::get_if<protocol::Failure>(&reply.body))
        throw protocol::to_error(*failure);
    const auto* inspected = std::get_if<protocol::Inspected>(&reply.body);
    Json facts = inspected == nullptr ? Json() : Json::parse(inspected->json, nullptr, false);
    if (!facts.is_object() || facts.value("session", "") != session)
        throw Error(Errc::unavailable, "the launcher's answer is not of this session",
                    "Do sandboxctl and sandbox-launcher have the same version?");
    return facts;
}

LauncherFacts ask_for_facts(const Context& context, const std::string& session) {
    const Host host = parse_host(context.globals.host);
    if (::geteuid() == 0 && !host.socket_path.empty()) {
        const std::string beside = std::filesystem::path(host.socket_path).parent_path() / "launcher.sock";
        std::error_code error;
        if (std::filesystem::is_socket(beside, error))
            return {ask_launcher(beside, session, context.globals.timeout.value_or(kAnswerTimeout)), true};
    }
    return {context.api().get("/v1/sessions/" + session + "/inspect"), false};
}

} // namespace sandbox::ctl
