#include "api/http/request_head.hpp"

#include "api/http/problem.hpp"
#include "sandbox/base/id.hpp"

#include <algorithm>
#include <array>
#include <unordered_map>

#include <boost/asio/error.hpp>
#include <boost/beast/core/stream_traits.hpp>
#include <boost/beast/http/error.hpp>

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

namespace sandbox::api {
namespace {

/// Headers of one value: of two, each reader would take another.
constexpr std::array<std::string_view, 13> kSingle{"host",
                                                   "authorization",
                                                   "origin",
                                                   "content-type",
                                                   "content-range",
                                                   "range",
                                                   "if-range",
                                                   "if-modified-since",
                                                   "if-unmodified-since",
                                                   "content-md5",
                                                   "expect",
                                                   "idempotency-key",
                                                   "last-event-id"};

/// Of those who work around proxies: another method than the one that was authorised.
constexpr std::array<std::string_view, 3> kOtherMethod{"x-http-method-override", "x-http-method",
                                                       "x-method-override"};

/// Of protocols that send a file in parts: what comes is then not the whole of it.
constexpr std::array<std::string_view, 6> kParts{"content-range", "upload-offset",     "upload-complete",
                                                 "upload-length", "upload-incomplete", "tus-resumable"};

std::string_view text_of(beast::string_view text) {
    return {text.data(), text.size()};
}

Response uri_too_long() {
    return http_problem(414, "URI Too Long", "the request's target is over 65,536 bytes",
                        "Send long commands in the body.");
}

Response headers_too_large() {
    return http_problem(431, "Request Header Fields Too Large", "the request's headers are over 64 KiB",
                        "Send less.");
}

Response refused_header(std::string_view name, const std::string& why, const std::string& cure) {
    return problem(
        Error(Errc::invalid_argument, "the header " + std::string(name) + why, cure, std::string(name)));
}

Response unsupported_media(const std::string& detail, const std::string& cure, const std::string& field) {
    return http_problem(415, "Unsupported Media Type", detail, cure, field);
}

} // namespace

std::string lower(std::string_view text) {
    std::string low(text);
    std::ranges::transform(low, low.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return low;
}

Response bad_request(const std::string& detail) {
    return problem(Error(Errc::invalid_argument, detail, "Send well-formed HTTP/1.1."));
}

std::optional<Response> answer_to(beast::error_code error, const Parser& parser, std::string_view received) {
    if (error == http::error::end_of_stream || error == asio::error::connection_reset ||
        error == http::error::partial_message || error == asio::error::operation_aborted)
        return std::nullopt;
    if (error == beast::error::timeout)
        return http_problem(408, "Request Timeout", "the request did not come in time", "Send it at once.");
    if (error == http::error::header_limit) {
        const bool line_ended = received.substr(0, kMaxTarget).find('\n') != std::string_view::npos;
        return parser.get().target().empty() && !line_ended ? uri_too_long() : headers_too_large();
    }
    if (error.category() == make_error_code(http::error::bad_version).category())
        return bad_request("the request is not HTTP: " + error.message());
    return std::nullopt;
}

/// Two ways to say where a request ends are how one request is smuggled in another (RFC 9112, 6.1).
std::optional<Response> check_head(const Parser& parser) {
    const auto& head = parser.get();
    if (head.target().size() > kMaxTarget)
        return uri_too_long();
    if (head.version() != 11 && head.version() != 10)
        return bad_request("the version of HTTP is neither 1.1 nor 1.0");
    std::size_t size = 0;
    for (const auto& field : head)
        size += field.name_string().size() + field.value().size() + 4;
    if (size > kMaxHeaders)
        return headers_too_large();
    const auto encodings = head.count(http::field::transfer_encoding);
    const auto lengths = head.count(http::field::content_length);
    if (encodings + lengths > 1)
        return bad_request("Content-Length and Transfer-Encoding are given together, or twice");
    if (encodings == 1 &&
        (lower(text_of(head[http::field::transfer_encoding])) != "chunked" || head.version() == 10))
        return bad_request("the only Transfer-Encoding is chunked, of HTTP/1.1");
    for (const std::string_view name : kSingle)
        if (head.count(beast::string_view(name.data(), name.size())) > 1)
            return bad_request("the header " + std::string(name) + " is given twice");
    return std::nullopt;
}

std::optional<Response> check_meaning(const Request& request) {
    for (const std::string_view name : kOtherMethod)
        if (const auto method = request.header(name); method && lower(*method) != lower(request.method))
            return refused_header(name, " asks for another method than the request has",
                                  "Send the request with its own method.");
    if (request.method != "GET" && request.method != "HEAD")
        for (const std::string_view name : kParts)
            if (request.header(name))
                return refused_header(name,
                                      " says that this is a part of something, and only a whole is taken",
                                      "Send the whole, without that header.");
    if (const auto coding = request.header("content-encoding"); coding && lower(*coding) != "identity") {
        Response response =
            unsupported_media("a body in the coding \"" + coding->substr(0, 40) + "\" is not taken",
                              "Send it as it is, without Content-Encoding.", "Content-Encoding");
        response.headers.emplace_back("Accept-Encoding", "identity");
        return response;
    }
    if (const auto expected = request.header("expect"); expected && lower(*expected) != "100-continue")
        return http_problem(417, "Expectation Failed", "the only expectation that is met is 100-continue",
                            "Leave the header out.", "Expect");
    return std::nullopt;
}

Request request_of(const Parser& parser) {
    Request request;
    request.method = std::string(parser.get().method_string());
    std::unordered_map<std::string, std::size_t> places; // 64 KiB have room for thousands of headers
    for (const auto& field : parser.get()) {
        std::string name = lower(text_of(field.name_string()));
        const auto [known, is_new] = places.try_emplace(name, request.headers.size());
        if (is_new)
            request.headers.emplace_back(std::move(name), std::string(text_of(field.value())));
        else
            request.headers[known->second].second.append(", ").append(text_of(field.value()));
    }
    parse_target(request, text_of(parser.get().target()));
    return request;
}

std::string request_id(const Request& request) {
    const auto id = request.header("x-request-id");
    const auto is_plain = [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
               c == '_' || c == '.';
    };
    return id && !id->empty() && id->size() <= 128 && std::ranges::all_of(*id, is_plain) ? *id
                                                                                         : new_session_id();
}

} // namespace sandbox::api
