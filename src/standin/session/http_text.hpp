#pragma once

#include <ctime>
#include <map>
#include <string>
#include <string_view>
#include <vector>

/// The texts of Python's http.server and urllib, which ChimeraX's REST server is made of.
namespace standin::http {

/// `Mon, 23 Nov 2026 02:09:48 GMT` (RFC 9110, 5.6.7).
std::string date(std::time_t time);

/// Status line, Server and Date, each with its line break.
std::string head(int status, std::string_view reason);

/// A whole error answer. `message` empty: the status' own. HEAD gets no body; a request without a readable
/// version, which counts as HTTP/0.9, no header.
struct ErrorPage {
    int status;
    std::string message;
    bool with_head = true;
    bool with_body = true;
};
std::string error_answer(const ErrorPage& page);
std::string_view reason_of(int status);

std::string percent_decode(std::string_view text);

using Arguments = std::map<std::string, std::vector<std::string>>;

/// urllib's parse_qs: empty values are dropped.
Arguments parse_query(std::string_view query);

/// Adds the fields of a multipart/form-data body.
void parse_multipart(std::string_view body, std::string_view boundary, Arguments& arguments);

/// A parameter of a header's value: `boundary` of `multipart/form-data; boundary="x"`. Empty when absent.
std::string parameter(std::string_view value, std::string_view name);

} // namespace standin::http
