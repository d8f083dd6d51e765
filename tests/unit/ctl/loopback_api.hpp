#pragma once

#include "ctl/http/http_client.hpp"
#include "sandbox/base/unique_fd.hpp"

#include <filesystem>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace sandbox::test {

/// What the server does with a connection when it has answered.
enum class Afterwards { hold, close };

/// An API of the test's own on a unix socket in a temporary folder: each request is answered with the bytes
/// that the test gives for it.
class LoopbackApi {
  public:
    using Answer = std::function<std::string(const std::string& request)>;

    explicit LoopbackApi(Answer answer, Afterwards afterwards = Afterwards::hold);
    ~LoopbackApi();
    LoopbackApi(const LoopbackApi&) = delete;
    LoopbackApi& operator=(const LoopbackApi&) = delete;

    ctl::Host host() const;
    /// As `--host` takes it.
    std::string address() const { return ctl::to_text(host()); }
    std::vector<std::string> requests() const;

  private:
    void serve();

    std::filesystem::path folder_;
    UniqueFd listener_;
    Answer answer_;
    Afterwards afterwards_;
    std::vector<UniqueFd> held_;
    mutable std::mutex mutex_;
    std::vector<std::string> requests_;
    std::thread thread_;
};

/// What sandboxctl did.
struct Ran {
    int status;
    std::string out, err;
};

/// sandboxctl with these arguments, at that API.
Ran run(const LoopbackApi& api, std::vector<std::string> arguments, bool is_terminal = false);

/// A JSON answer as bytes.
std::string json_answer(unsigned status, const std::string& body);

} // namespace sandbox::test
