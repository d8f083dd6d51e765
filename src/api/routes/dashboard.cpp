// The dashboard: a page that is part of this program. Its files are for anyone; what it shows, it asks of the
// API with the token that its user gives it.
#include "api/http/file_range.hpp"
#include "api/routes/routes.hpp"
#include "embedded_dashboard.hpp"
#include "sandbox/base/error.hpp"

#include <algorithm>

namespace asio = boost::asio;

namespace sandbox::api {
namespace {

/// No script, style or picture but this program's own, no frame around it, and no text that becomes markup:
/// what a tenant calls its sessions or writes to its log stays text, even where the page has a defect (CSP
/// Level 3, Trusted Types).
constexpr std::string_view kContentSecurityPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
    "trusted-types 'none'";

std::string content_type_of(std::string_view name) {
    if (name.ends_with(".html"))
        return "text/html; charset=utf-8";
    if (name.ends_with(".js"))
        return "text/javascript; charset=utf-8";
    if (name.ends_with(".css"))
        return "text/css; charset=utf-8";
    return name.ends_with(".svg") ? "image/svg+xml" : "text/plain; charset=utf-8";
}

Response answer_with(const embedded::DashboardFile& file, const Request& request) {
    Response response;
    response.content_type = content_type_of(file.name);
    response.headers = {
        {"ETag", std::string(file.etag)},
        {"Cache-Control", "no-cache"}, // kept, but asked for each time: the next program has another
        {"Content-Security-Policy", std::string(kContentSecurityPolicy)},
        {"Referrer-Policy", "no-referrer"},
        {"Cross-Origin-Opener-Policy", "same-origin"},
        {"Cross-Origin-Resource-Policy", "same-origin"}};
    if (lists_tag(request.header("if-none-match").value_or(""), file.etag))
        response.status = 304;
    else
        response.body = file.content;
    return response;
}

asio::awaitable<Response> send_file(std::string name, RouteContext context) {
    check_parameters(context.request, {});
    const auto file = std::ranges::find(embedded::kDashboard, name, &embedded::DashboardFile::name);
    if (file != embedded::kDashboard.end())
        co_return answer_with(*file, context.request);
    if (embedded::kDashboard.empty())
        throw Error(Errc::not_found, "this program was built without the dashboard",
                    "Build it with npm and -Ddashboard=enabled; the API is at /v1, its reference at "
                    "/v1/openapi.json.");
    throw Error(Errc::not_found, "the dashboard has no such file", "It is at /.", "file");
}

} // namespace

void handlers::add_dashboard(std::vector<Route>& routes) {
    routes.push_back(
        {.method = "GET",
         .pattern = "/",
         .minimum = Role::anyone,
         .max_body = kMaxJsonBody,
         .handler = [](RouteContext context) { return send_file("index.html", std::move(context)); }});
    routes.push_back({.method = "GET",
                      .pattern = "/dashboard/{file}",
                      .minimum = Role::anyone,
                      .max_body = kMaxJsonBody,
                      .handler = [](RouteContext context) {
                          std::string name = context.captured.at("file");
                          return send_file(std::move(name), std::move(context));
                      }});
}

} // namespace sandbox::api
