#pragma once

#include "api/transport/client.hpp"
#include "sandbox/base/unique_fd.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>

namespace sandbox::api {

inline constexpr std::size_t kMaxTarget = 65536;         ///< longer is 414
inline constexpr std::size_t kMaxHeaders = 64 * 1024;    ///< more is 431
inline constexpr std::size_t kMaxJsonBody = 1024 * 1024; ///< more is 413
inline constexpr std::size_t kMaxRestBody = 64 * 1024 * 1024;

/// Of routes that take the body as it comes: they know their own limit.
inline constexpr std::uint64_t kAnyBody = std::numeric_limits<std::uint64_t>::max();

using Fields = std::vector<std::pair<std::string, std::string>>;

/// The next piece of a body that is made as it is sent, or taken as it comes; none: it is complete. Of one
/// that is sent, an empty piece says that there is nothing yet: whether the client is still there is looked
/// at.
using BodyStream = std::function<boost::asio::awaitable<std::optional<std::string>>()>;

/// A request as the handlers see it: no part of the HTTP library.
struct Request {
    std::string id; ///< of the caller's X-Request-Id, or made up; plain characters
    std::string method;
    std::string target; ///< as it came, origin form
    std::string path;   ///< the target without its query, still percent-encoded
    Fields query;       ///< decoded, in the order that they came
    Fields headers;     ///< names in lower case
    std::string body;
    BodyStream body_stream =
        {}; ///< instead of `body`, for routes that stream; throws Error for a broken body
    std::shared_ptr<Client> client = nullptr; ///< null: nobody watches

    /// The first header of that lower-case name.
    std::optional<std::string> header(std::string_view name) const;
    std::optional<std::string> parameter(std::string_view name) const;
    std::string_view raw_query() const;
};

/// A regular file that is sent as it is read, `size` bytes of it.
struct FileBody {
    UniqueFd fd;
    std::uint64_t size = 0;
    std::uint64_t offset = 0; ///< where they begin
};

struct Response {
    unsigned status = 200;
    std::string content_type = "application/json";
    std::string body;
    Fields headers;
    std::shared_ptr<const FileBody> file = nullptr; ///< instead of `body`
    BodyStream stream = {};                         ///< the same
    /// Where it says false while a file is sent, the rest of it is not.
    std::function<bool()> goes_on = {};
    std::shared_ptr<void> until_sent = nullptr; ///< let go when all of it is sent, or cannot be
    std::string audited = {};                   ///< what the audit trail says of it beside its status
};

/// 200.
inline Response ok(std::string body, std::string content_type = "application/json") {
    return {.status = 200, .content_type = std::move(content_type), .body = std::move(body), .headers = {}};
}

/// Takes a target apart; of one in absolute form, the host is the request's from then on. Throws Error
/// invalid_argument for one in another form, with a control character, or a broken percent-encoding (RFC
/// 3986).
void parse_target(Request& request, std::string_view target);

/// `%41` to `A`; `+` to a space only in queries. Throws Error invalid_argument.
std::string percent_decode(std::string_view text, bool plus_is_space);

/// Throws Error invalid_argument for a parameter that is not in `known`, or that comes twice.
void check_parameters(const Request& request, const std::vector<std::string_view>& known);

} // namespace sandbox::api
