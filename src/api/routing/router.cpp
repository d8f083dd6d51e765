#include "api/routing/router.hpp"

#include <optional>

namespace sandbox::api {
namespace {

std::string_view take_segment(std::string_view& path) {
    const std::size_t end = path.find('/', 1);
    const std::string_view segment = path.substr(1, end == std::string_view::npos ? end : end - 1);
    path = end == std::string_view::npos ? std::string_view{} : path.substr(end);
    return segment;
}

std::optional<std::map<std::string, std::string>> match(std::string_view pattern, std::string_view path) {
    std::map<std::string, std::string> captured;
    while (!pattern.empty() && !path.empty()) {
        const std::string_view wanted = take_segment(pattern);
        if (wanted.ends_with("...}")) {
            if (path.size() < 2)
                return std::nullopt;
            captured.emplace(wanted.substr(1, wanted.size() - 5), percent_decode(path.substr(1), false));
            return captured;
        }
        const std::string_view segment = take_segment(path);
        if (wanted.starts_with('{')) {
            if (segment.empty())
                return std::nullopt;
            captured.emplace(wanted.substr(1, wanted.size() - 2), percent_decode(segment, false));
        } else if (wanted != segment) {
            return std::nullopt;
        }
    }
    if (!pattern.empty() || !path.empty())
        return std::nullopt;
    return captured;
}

} // namespace

Router::Router(std::vector<Route> routes) : routes_(std::move(routes)) {}

Match Router::find(std::string_view method, std::string_view path) const {
    Match found;
    for (const Route& route : routes_) {
        auto captured = match(route.pattern, path);
        if (!captured)
            continue;
        if (route.method == method)
            return {.route = &route, .captured = std::move(*captured), .allowed = {}};
        found.allowed.push_back(route.method);
    }
    return found;
}

} // namespace sandbox::api
