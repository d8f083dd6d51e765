#include "api/http/conditions.hpp"

#include "api/http/http_date.hpp"
#include "api/http/problem.hpp"

#include <algorithm>
#include <string_view>
#include <vector>

namespace sandbox::api {
namespace {

using Tags = std::vector<std::string>;

constexpr std::size_t kMostTags = 64;

[[noreturn]] void refuse_tags(const std::string& field) {
    throw Error(Errc::invalid_argument, field + " is not a list of ETags",
                R"(Send * or, in their quotes, up to 64 ETags that a GET gave: "a", "b".)", field);
}

/// `*`, or `"a", W/"b"`: a comma may be in the quotes, too (RFC 9110, 8.8.3).
Tags parse_tags(std::string_view text, const std::string& field) {
    Tags tags;
    const auto skip = [&](std::string_view what) {
        text.remove_prefix(std::min(text.find_first_not_of(what), text.size()));
    };
    for (skip(" \t,"); !text.empty(); skip(" \t,")) {
        if (text.front() == '*' && tags.empty() && text.find_first_not_of(" \t", 1) == std::string_view::npos)
            return {"*"};
        const std::size_t quote = text.starts_with("W/") ? 2 : 0;
        const std::size_t end = text.find('"', quote + 1);
        if (quote >= text.size() || text[quote] != '"' || end == std::string_view::npos)
            refuse_tags(field);
        const std::string_view tag = text.substr(0, end + 1);
        if (tags.size() == kMostTags ||
            !std::ranges::all_of(tag, [](char c) { return c > 0x20 && c < 0x7f; }))
            refuse_tags(field);
        tags.emplace_back(tag);
        text.remove_prefix(end + 1);
    }
    if (tags.empty())
        refuse_tags(field);
    return tags;
}

std::optional<Tags> tags_of(const Request& request, std::string_view header, const std::string& field) {
    const auto text = request.header(header);
    return text ? std::optional(parse_tags(*text, field)) : std::nullopt;
}

/// Weakly: a tag is the same with and without its mark. Strongly, a marked one is never the same: it stays as
/// it is, and no file has such a tag.
void compare_weakly(Tags& tags) {
    for (std::string& tag : tags)
        if (tag.starts_with("W/"))
            tag.erase(0, 2);
}

bool names(const Tags& tags, const std::string& tag) {
    return std::ranges::any_of(tags, [&](const std::string& one) { return one == "*" || one == tag; });
}

std::optional<std::time_t> date_of(const Request& request, std::string_view header,
                                   const std::string& field) {
    const auto text = request.header(header);
    if (!text)
        return std::nullopt;
    const auto date = parse_http_date(*text);
    if (!date)
        throw Error(Errc::invalid_argument, field + " is not an HTTP date",
                    "Send it as Sun, 06 Nov 1994 08:49:37 GMT.", field);
    return date;
}

} // namespace

protocol::Preconditions preconditions_of(const Request& request) {
    protocol::Preconditions only_if;
    only_if.if_match = tags_of(request, "if-match", "If-Match");
    const auto since = date_of(request, "if-unmodified-since", "If-Unmodified-Since");
    if (!only_if.if_match) // which says it better
        only_if.unmodified_since = since;
    only_if.if_none_match = tags_of(request, "if-none-match", "If-None-Match");
    if (only_if.if_none_match)
        compare_weakly(*only_if.if_none_match);
    return only_if;
}

std::optional<Response> unmet_condition(const Request& request, const Validators& known) {
    const protocol::Preconditions only_if = preconditions_of(request);
    if (only_if.if_match && !names(*only_if.if_match, known.tag))
        return precondition_failed("the file has changed", "Look at it again.", "If-Match");
    if (only_if.unmodified_since && known.modified > *only_if.unmodified_since)
        return precondition_failed("the file has changed since then", "Look at it again.",
                                   "If-Unmodified-Since");
    const auto since = parse_http_date(request.header("if-modified-since").value_or(""));
    const bool is_known =
        only_if.if_none_match ? names(*only_if.if_none_match, known.tag) : since && known.modified <= *since;
    if (is_known)
        return Response{.status = 304, .body = {}, .headers = {}};
    return std::nullopt;
}

bool range_counts(const Request& request, const Validators& known) {
    const auto text = request.header("if-range");
    if (!text || *text == known.tag)
        return true;
    // A time tells two contents apart only once its second has gone by.
    const auto date = parse_http_date(*text);
    return date && *date == known.modified && known.modified < std::time(nullptr);
}

std::optional<Response> refuse_conditions(const Request& request) {
    const auto match = request.header("if-match");
    const bool changes = request.method != "GET" && request.method != "HEAD";
    const auto refuse = [](const std::string& field) {
        return precondition_failed("this route has neither ETags nor times that " + field + " could name",
                                   "Leave the header out.", field);
    };
    if (match && *match != "*")
        return refuse("If-Match");
    if (changes && request.header("if-none-match"))
        return refuse("If-None-Match");
    if (changes && request.header("if-unmodified-since"))
        return refuse("If-Unmodified-Since");
    return std::nullopt;
}

Response precondition_failed(const std::string& detail, const std::string& cure, const std::string& field) {
    return http_problem(412, "Precondition Failed", detail, cure, field);
}

} // namespace sandbox::api
