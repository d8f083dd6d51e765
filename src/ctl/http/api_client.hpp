#pragma once

#include "ctl/http/http_client.hpp"
#include "sandbox/base/error.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace sandbox::ctl {

using Json = nlohmann::ordered_json;

/// How long an ordinary answer may take.
inline constexpr Duration kAnswerTimeout = std::chrono::seconds(30);

/// The Error that a problem document (RFC 9457) stands for; anything else that is no success is one by its
/// status.
Error error_of_reply(const HttpReply& reply);

/// The API's routes as calls. All throw Error: what the server says, or why it did not.
class ApiClient {
  public:
    using Transport = std::function<HttpReply(const HttpRequest&, Duration)>;

    explicit ApiClient(Transport transport) : transport_(std::move(transport)) {}

    Json get(const std::string& target, Duration timeout = kAnswerTimeout) const;
    std::string get_text(const std::string& target) const;
    Json post(const std::string& target, const Json& body, Duration timeout) const;
    Json patch(const std::string& target, const Json& body, Duration timeout = kAnswerTimeout) const;
    Json remove(const std::string& target, Duration timeout) const;
    /// Any request, streamed ones too; an answer that is no success is thrown.
    HttpReply call(const HttpRequest& request, Duration timeout = kAnswerTimeout) const;

    /// The session's JSON, also of one that has ended: the API's 410 has it in it.
    Json get_session(const std::string& id) const;

    /// The id that starts with `prefix`, of the sessions that the caller may see. A whole id is taken as it
    /// is. Throws Error not_found, or invalid_argument with the candidates.
    std::string find_session(const std::string& prefix) const;

  private:
    Json send(const HttpRequest& request, Duration timeout) const;

    Transport transport_;
};

/// `text` as a part of a query or a path: everything but unreserved characters as %XX.
std::string encode_component(std::string_view text);
/// The bytes that it stands for; what is no %XX stays.
std::string decode_component(std::string_view text);

} // namespace sandbox::ctl
