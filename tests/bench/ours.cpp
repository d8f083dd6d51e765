#include "contender.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/unique_fd.hpp"
#include "sandbox/protocol/packet_socket.hpp"

#include <memory>

namespace sandbox::bench {
namespace {

UniqueFd connect_to(const std::string& path) {
    UniqueFd socket = protocol::connect_packet_socket(path);
    if (!socket)
        throw_errno("cannot connect to " + path);
    return socket;
}

class Client {
  public:
    Client(const OurRequest& request, std::vector<std::vector<protocol::TimelineEntry>>& timelines)
        : request_(request),
          socket_(connect_to(request.socket)),
          timelines_(timelines) {}

    Nanoseconds launch() {
        ++round_;
        protocol::Launch launch;
        launch.session = session();
        // A slot rests while the kernel takes its last link down, as with the manager.
        launch.slot = round_ % request_.slots;
        launch.tenant = request_.tenant;
        launch.policy = request_.policy;
        launch.digest = request_.digest;
        Nanoseconds took{};
        timelines_.push_back(call<protocol::Launched>(std::move(launch), took).timeline);
        return took;
    }

    Nanoseconds stop() {
        Nanoseconds took{}, unmeasured{};
        call<protocol::Ended>(protocol::End{session(), 2000}, took);
        // As the manager does when it has stored the last figures: they are kept until then.
        call<protocol::Forgotten>(protocol::Forget{{session()}}, unmeasured);
        return took;
    }

  private:
    std::string session() const {
        std::string name(16, 'b');
        std::uint32_t rest = round_;
        for (std::size_t i = name.size(); rest != 0; rest /= 26)
            name[--i] = static_cast<char>('a' + rest % 26);
        return name;
    }

    template <typename Expected>
    Expected call(protocol::Request request, Nanoseconds& took) {
        const std::string text =
            protocol::encode(protocol::Packet<protocol::Request>{++id_, std::move(request)});
        const auto begin = std::chrono::steady_clock::now();
        protocol::send_packet(socket_.get(), text);
        const protocol::Received received = protocol::receive_packet(socket_.get());
        took = std::chrono::steady_clock::now() - begin;
        if (received.text.empty())
            throw Error(Errc::unavailable, "the launcher has gone");
        auto packet = protocol::decode_reply(received.text);
        if (const auto* failure = std::get_if<protocol::Failure>(&packet.body))
            throw protocol::to_error(*failure);
        return std::get<Expected>(std::move(packet.body));
    }

    OurRequest request_;
    UniqueFd socket_;
    std::vector<std::vector<protocol::TimelineEntry>>& timelines_;
    std::uint32_t round_ = 0;
    std::uint64_t id_ = 0;
};

} // namespace

Contender our_launcher(const OurRequest& request,
                       std::vector<std::vector<protocol::TimelineEntry>>& timelines) {
    const auto client = std::make_shared<Client>(request, timelines);
    return {"ours", "sandbox-launcher, policy " + request.policy + ": cgroup, veth pair, seccomp and all",
            [client] { return client->launch(); }, [client] { return client->stop(); }};
}

} // namespace sandbox::bench
