#pragma once

#include "api/http/message.hpp"

#include <optional>
#include <string>
#include <string_view>

#include <boost/beast/core/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

namespace sandbox::api {

using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;

/// The parser's one limit is for the request line and the headers together; each has its own check.
inline constexpr std::size_t kMaxHead = kMaxTarget + kMaxHeaders + 64;

std::string lower(std::string_view text);

Response bad_request(const std::string& detail);

/// What went wrong while the head was read, as an answer; none where there is nobody to answer to.
std::optional<Response> answer_to(boost::beast::error_code error, const Parser& parser,
                                  std::string_view received);

/// Refuses what is malformed, or says in two ways what it means.
std::optional<Response> check_head(const Parser& parser);

/// Refuses headers that change what a request means, wherever it goes, and that this server does not honour:
/// to pass them over would do something else than was asked for.
std::optional<Response> check_meaning(const Request& request);

/// The request without its body. Lines of one header are one, with commas (RFC 9110, 5.3). Throws Error as
/// parse_target.
Request request_of(const Parser& parser);

/// A caller's own id where it is fit for a log, else a new one.
std::string request_id(const Request& request);

} // namespace sandbox::api
