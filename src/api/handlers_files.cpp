// Routes of a session's workspace.
#include "sandbox/api/handlers.hpp"
#include "sandbox/api/problem.hpp"

#include <filesystem>

namespace asio = boost::asio;

namespace sandbox::api {
namespace {

/// What a tenant's file is called may choose a download's name, but no header.
std::string download_name(const std::string& path) {
    std::string name = std::filesystem::path(path).filename().string();
    for (char& c : name)
        if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) > 0x7e || c == '"' ||
            c == '\\')
            c = '_';
    return name;
}

asio::awaitable<Response> download(manager::Manager& manager, Exchange exchange) {
    check_parameters(exchange.request, {});
    const manager::SessionView session = visible_session(manager, exchange);
    if (session.state == manager::State::ended)
        co_return ended_problem(Error(Errc::gone, "session " + session.id + " has ended",
                                      "Its workspace went with it: make a new session."),
                                session);
    const std::string path = exchange.captured.at("path");
    manager::OpenedFile file = co_await manager.open_file(session.id, path);
    Response response;
    response.content_type = "application/octet-stream";
    response.file = std::make_shared<const FileBody>(FileBody{std::move(file.fd), file.size});
    // A tenant's HTML or SVG must not run in the name of this server.
    response.headers.emplace_back("Content-Security-Policy", "sandbox");
    response.headers.emplace_back("Content-Disposition",
                                  "attachment; filename=\"" + download_name(path) + "\"");
    co_return response;
}

} // namespace

void handlers::add_files(std::vector<Route>& routes, manager::Manager& manager) {
    routes.push_back(
        {.method = "GET",
         .pattern = "/v1/sessions/{id}/files/{path...}",
         .minimum = Role::session,
         .max_body = kMaxJsonBody,
         .handler = [&manager](Exchange exchange) { return download(manager, std::move(exchange)); }});
}

} // namespace sandbox::api
