// Routes of a session's workspace.
#include "sandbox/api/file_range.hpp"
#include "sandbox/api/handlers.hpp"
#include "sandbox/api/problem.hpp"
#include "sandbox/api/requests.hpp"
#include "sandbox/base/file.hpp"
#include "while_client_stays.hpp"

#include <algorithm>
#include <filesystem>
#include <map>

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace asio = boost::asio;

namespace sandbox::api {
namespace {

using manager::Manager;
using manager::SessionView;
using manager::State;

/// On the disk of the host: of each at most the size of its session's /work.
constexpr unsigned kMaxUploads = 16;
/// One tenant, whose session may not start for minutes, leaves places to the others.
constexpr unsigned kMaxUploadsOfTenant = 8;

/// What a tenant's file is called may choose a download's name, but no header.
std::string download_name(const std::string& path) {
    std::string name = std::filesystem::path(path).filename().string();
    for (char& c : name)
        if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) > 0x7e || c == '"' ||
            c == '\\')
            c = '_';
    return name;
}

std::string path_of(const Exchange& exchange) {
    const auto path = exchange.captured.find("path");
    return path == exchange.captured.end() ? std::string() : path->second;
}

/// One that is not made yet is waited for.
std::optional<Response> not_there(const SessionView& session) {
    if (session.state == State::ended)
        return gone_problem(session, "Its workspace went with it: make a new session.");
    return std::nullopt;
}

/// 412, which no Errc has, where a precondition failed.
Response file_problem(const Error& error) {
    if (error.code() == Errc::conflict && error.field() == "If-Match")
        return http_problem(412, "Precondition Failed", error.what(), error.cure());
    throw error;
}

std::string in_quotes(const std::string& tag) {
    return '"' + tag + '"';
}

asio::awaitable<Response> list(Manager& manager, SessionView session, std::string path) {
    const manager::OpenedFile listing = co_await manager.list_folder(session.id, std::move(path));
    std::string text(static_cast<std::size_t>(listing.size), '\0');
    const ssize_t got = ::pread(listing.fd.get(), text.data(), text.size(), 0);
    if (got != static_cast<ssize_t>(text.size()))
        throw Error(Errc::internal, "the launcher's list of a folder is cut short");
    co_return Response{.status = 200, .body = std::move(text), .headers = {}};
}

Response answer_with(manager::OpenedFile file, const Request& request, const std::string& path) {
    Response response;
    response.content_type = "application/octet-stream";
    response.headers.emplace_back("ETag", in_quotes(file.tag));
    response.headers.emplace_back("Accept-Ranges", "bytes");
    // A tenant's HTML or SVG must not run in the name of this server.
    response.headers.emplace_back("Content-Security-Policy", "sandbox");
    if (lists_tag(request.header("if-none-match").value_or(""), in_quotes(file.tag))) {
        response.status = 304;
        return response;
    }
    const std::string if_range = request.header("if-range").value_or(in_quotes(file.tag));
    const std::string wanted = if_range == in_quotes(file.tag) ? request.header("range").value_or("") : "";
    const RangeAnswer range = find_range(wanted, file.size);
    if (range.kind == RangeAnswer::Kind::outside) {
        response = http_problem(416, "Range Not Satisfiable", "the file has no such bytes",
                                "It has " + std::to_string(file.size) + " bytes.");
        response.headers.emplace_back("Content-Range", "bytes */" + std::to_string(file.size));
        return response;
    }
    if (range.kind == RangeAnswer::Kind::part) {
        response.status = 206;
        response.headers.emplace_back("Content-Range", range.text(file.size));
    }
    response.file = std::make_shared<const FileBody>(FileBody{std::move(file.fd), range.size, range.first});
    response.headers.emplace_back("Content-Disposition",
                                  "attachment; filename=\"" + download_name(path) + "\"");
    return response;
}

asio::awaitable<Response> download(Manager& manager, Exchange exchange) {
    check_parameters(exchange.request, {"list"});
    const SessionView session = visible_session(manager, exchange);
    if (auto answer = not_there(session))
        co_return std::move(*answer);
    const std::string path = path_of(exchange);
    if (flag_parameter(exchange.request, "list"))
        co_return co_await list(manager, session, path);
    manager::OpenedFile file = co_await manager.open_file(session.id, path);
    co_return answer_with(std::move(file), exchange.request, path);
}

/// Of `If-Match: "tag"`; empty: none.
std::string tag_to_replace(const Request& request) {
    const auto text = request.header("if-match");
    if (!text)
        return {};
    if (text->size() < 3 || text->front() != '"' || text->back() != '"')
        throw Error(Errc::invalid_argument, "If-Match is no single strong ETag",
                    "Send the ETag that a GET of the file gave.", "If-Match");
    return text->substr(1, text->size() - 2);
}

/// So much fits into its /work, even where that is empty.
std::uint64_t upload_limit(const Manager& manager, const SessionView& session) {
    for (const policy::Policy& policy : manager.policies())
        if (policy.name == session.policy)
            return std::min(kMaxUpload, policy.filesystem.work.size.value);
    return kMaxRestBody;
}

class UploadPlace {
  public:
    explicit UploadPlace(const std::string& tenant) : tenant_(tenant) {
        if (in_flight >= kMaxUploads)
            throw Error(Errc::capacity, "too many files come in at the same time", "Try again in a moment.");
        if (of_tenant[tenant] >= kMaxUploadsOfTenant)
            throw Error(Errc::quota, "too many of your files come in, or wait for their session's start",
                        "Try again in a moment.");
        ++in_flight;
        ++of_tenant[tenant];
    }
    UploadPlace(const UploadPlace&) = delete;
    UploadPlace& operator=(const UploadPlace&) = delete;
    ~UploadPlace() {
        --in_flight;
        if (--of_tenant[tenant_] == 0)
            of_tenant.erase(tenant_);
    }

  private:
    // All on the one thread of the API.
    static inline unsigned in_flight = 0;
    static inline std::map<std::string, unsigned> of_tenant{};

    const std::string tenant_;
};

/// A file of the manager's own that has no name: nothing of it stays, however this ends.
UniqueFd open_spool(const Manager& manager) {
    return open_fd(manager.site().state_dir + "/manager", O_TMPFILE | O_RDWR, 0600);
}

/// The whole body first: a slow client holds nothing of the session, and half a file never is one there.
asio::awaitable<std::uint64_t> spool(const BodyStream& next, int file, std::uint64_t limit) {
    std::uint64_t size = 0;
    for (;;) {
        const std::optional<std::string> piece = co_await next();
        if (!piece)
            co_return size;
        size += piece->size();
        if (size > limit)
            throw Error(Errc::too_large, "the file is larger than the session's /work",
                        "Send at most " + std::to_string(limit) + " bytes.", "body");
        write_all(file, *piece, "an upload");
    }
}

void check_announced(const Request& request, std::uint64_t limit) {
    const std::string text = request.header("content-length").value_or("0");
    if (std::stoull(text) > limit) // the parser has read it: it is a number
        throw Error(Errc::too_large, "the file is larger than the session's /work",
                    "Send at most " + std::to_string(limit) + " bytes.", "body");
}

asio::awaitable<Response> upload(Manager& manager, Exchange exchange) {
    check_parameters(exchange.request, {});
    const SessionView session = visible_session(manager, exchange);
    if (auto answer = not_there(session))
        co_return std::move(*answer);
    manager::NewFile file;
    file.path = path_of(exchange);
    file.replaces = tag_to_replace(exchange.request);
    const UploadPlace place(session.tenant);
    const std::uint64_t limit = upload_limit(manager, session);
    check_announced(exchange.request, limit);
    file.content = open_spool(manager);
    file.size = co_await spool(exchange.request.body_stream, file.content.get(), limit);
    nlohmann::ordered_json document{{"path", file.path}, {"size", file.size}};
    manager::StoredFile stored;
    std::optional<Response> refused;
    try {
        auto storing = manager.put_file(session.id, std::move(file));
        stored = co_await while_client_stays(exchange.request.client, std::move(storing));
    } catch (const Error& error) {
        refused = file_problem(error);
    }
    if (refused)
        co_return std::move(*refused);
    document["etag"] = in_quotes(stored.tag);
    Response response;
    response.status = stored.created ? 201 : 200;
    response.body = document.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    response.headers.emplace_back("ETag", in_quotes(stored.tag));
    co_return response;
}

asio::awaitable<Response> remove(Manager& manager, Exchange exchange) {
    check_parameters(exchange.request, {});
    const SessionView session = visible_session(manager, exchange);
    if (auto answer = not_there(session))
        co_return std::move(*answer);
    const std::string path = path_of(exchange);
    std::string replaces = tag_to_replace(exchange.request);
    std::optional<Response> refused;
    try {
        co_await manager.remove_file(session.id, path, std::move(replaces));
    } catch (const Error& error) {
        refused = file_problem(error);
    }
    if (refused)
        co_return std::move(*refused);
    const nlohmann::json document{{"path", path}};
    co_return Response{.status = 200,
                       .body = document.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace),
                       .headers = {}};
}

} // namespace

void handlers::add_files(std::vector<Route>& routes, Manager& manager) {
    const RouteAdder add(routes, manager);
    add.living("GET", "/v1/sessions/{id}/files", Role::session, download,
               "file.read"); // a list of /work itself
    add.living("GET", "/v1/sessions/{id}/files/{path...}", Role::session, download, "file.read");
    Route& put = add.living("PUT", "/v1/sessions/{id}/files/{path...}", Role::session, upload, "file.write");
    put.max_body = kMaxUpload;
    put.streams_body = true;
    add.living("DELETE", "/v1/sessions/{id}/files/{path...}", Role::session, remove, "file.delete");
}

} // namespace sandbox::api
