// Routes of a session's workspace.
#include "api/http/body_digest.hpp"
#include "api/http/conditions.hpp"
#include "api/http/file_range.hpp"
#include "api/http/http_date.hpp"
#include "api/http/problem.hpp"
#include "api/routes/ended_session.hpp"
#include "api/routes/routes.hpp"
#include "api/routes/uploads.hpp"
#include "api/routing/parameters.hpp"
#include "api/transport/while_client_stays.hpp"
#include "sandbox/base/encoding.hpp"

#include <algorithm>
#include <cctype>
#include <ctime>
#include <filesystem>

#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>

namespace asio = boost::asio;

namespace sandbox::api {
namespace {

using manager::FoundSession;
using manager::Manager;

/// What a tenant's file is called may choose a download's name, but no header.
std::string download_name(const std::string& path) {
    std::string name = std::filesystem::path(path).filename().string();
    for (char& c : name)
        if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) > 0x7e || c == '"' ||
            c == '\\')
            c = '_';
    return name;
}

std::string path_of(const RouteContext& context) {
    const auto path = context.captured.find("path");
    return path == context.captured.end() ? std::string() : path->second;
}

/// One that is not made yet is waited for.
std::optional<Response> not_there(const Manager& manager, const FoundSession& session) {
    if (!session.live)
        return gone_problem(manager.get(session.id), "Its workspace went with it: make a new session.");
    return std::nullopt;
}

/// 412, which no Errc has, where a precondition failed.
Response file_problem(const Error& error) {
    if (error.code() == Errc::conflict && error.field().starts_with("If-"))
        return precondition_failed(error.what(), error.cure(), error.field());
    throw error;
}

/// A path as it is told: where it is not UTF-8, also by its bytes.
nlohmann::ordered_json path_json(const std::string& path) {
    nlohmann::ordered_json document{{"path", path}};
    if (!is_utf8(path))
        document["path_encoded"] = percent_encode(path, "/");
    return document;
}

std::string dump(const nlohmann::ordered_json& document) {
    return document.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string in_quotes(const std::string& tag) {
    return '"' + tag + '"';
}

asio::awaitable<Response> list(Manager& manager, FoundSession session, std::string path, std::string after) {
    const manager::OpenedFile listing =
        co_await manager.list_folder(session.id, std::move(path), std::move(after));
    std::string text(static_cast<std::size_t>(listing.size), '\0');
    const ssize_t got = ::pread(listing.fd.get(), text.data(), text.size(), 0);
    if (got != static_cast<ssize_t>(text.size()))
        throw Error(Errc::internal, "the launcher's list of a folder is cut short");
    co_return Response{.status = 200, .body = std::move(text), .headers = {}};
}

Response no_such_bytes(std::uint64_t size) {
    Response response = http_problem(416, "Range Not Satisfiable", "the file has no such bytes",
                                     "It has " + std::to_string(size) + " bytes.", "Range");
    response.headers.emplace_back("Content-Range", "bytes */" + std::to_string(size));
    return response;
}

Validators validators_of(const manager::OpenedFile& file) {
    struct stat status {};
    if (::fstat(file.fd.get(), &status) != 0)
        throw_errno("cannot look at an opened file");
    return {in_quotes(file.tag), std::min(status.st_mtim.tv_sec, std::time(nullptr))};
}

Response answer_with(manager::OpenedFile file, const Request& request, const std::string& path) {
    const Validators known = validators_of(file);
    const std::optional<Response> unmet = unmet_condition(request, known);
    if (unmet && unmet->status != 304)
        return *unmet;
    Response response = unmet.value_or(Response());
    response.content_type = "application/octet-stream";
    response.headers = {{"ETag", known.tag},
                        {"Last-Modified", http_date(known.modified)},
                        {"Accept-Ranges", "bytes"},
                        // A tenant's HTML or SVG must not run in the name of this server.
                        {"Content-Security-Policy", "sandbox"}};
    if (unmet)
        return response;
    const RangeAnswer range = find_range(
        range_counts(request, known) ? request.header("range").value_or("") : std::string(), file.size);
    if (range.kind == RangeAnswer::Kind::outside)
        return no_such_bytes(file.size);
    if (range.kind == RangeAnswer::Kind::part) {
        response.status = 206;
        response.headers.emplace_back("Content-Range", range.text(file.size));
    }
    response.file = std::make_shared<const FileBody>(FileBody{std::move(file.fd), range.size, range.first});
    response.headers.emplace_back("Content-Disposition",
                                  "attachment; filename=\"" + download_name(path) + "\"");
    return response;
}

asio::awaitable<Response> download(Manager& manager, RouteContext context) {
    check_parameters(context.request, {"list", "after"});
    const FoundSession session = visible_session(context);
    if (auto answer = not_there(manager, session))
        co_return std::move(*answer);
    const std::string path = path_of(context);
    const auto after = context.request.parameter("after");
    if (flag_parameter(context.request, "list")) {
        if (auto refusal = refuse_conditions(context.request))
            co_return std::move(*refusal);
        co_return co_await list(manager, session, path, after.value_or(""));
    }
    if (after)
        throw Error(Errc::invalid_argument, "only a list goes on after a name", "Send list=1 with it.",
                    "after");
    manager::InUse in_use = manager.use(session);
    manager::OpenedFile file = co_await manager.open_file(session.id, path);
    Response response = answer_with(std::move(file), context.request, path);
    // A session that has ended is not held in memory by who reads slowly.
    response.goes_on = std::move(in_use.lives);
    response.until_sent = std::move(in_use.hold);
    co_return response;
}

/// Headers that say of a body that it is not the file itself.
std::optional<Response> refuse_upload(const Request& request) {
    if (request.header("range"))
        throw Error(Errc::invalid_argument, "a part of a file is not written, only a whole one",
                    "Send the whole file, without Range.", "Range");
    const std::string type = request.header("content-type").value_or("").substr(0, 10);
    if (std::ranges::equal(type, std::string_view("multipart/"),
                           [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; }))
        return http_problem(415, "Unsupported Media Type", "a form is not taken apart here",
                            "Send the file itself as the body, as curl does with -T.", "Content-Type");
    return std::nullopt;
}

Error too_large(const manager::InUse& in_use) {
    return {Errc::too_large,
            "the file is larger than the session's /work, which has " +
                std::to_string(in_use.work_size.value) + " bytes",
            "Send a smaller file, or use a policy with a larger filesystem.work.size than that of " +
                in_use.policy + ".",
            "body"};
}

std::uint64_t announced_size(const Request& request) {
    return std::stoull(request.header("content-length").value_or("0")); // the parser has read it
}

/// The whole body first: a slow client holds nothing of the session, and half a file never is one there.
asio::awaitable<void> spool(const Request& request, Uploads::Place& place, BodyDigest& digest,
                            const manager::InUse& in_use, const FoundSession& session) {
    for (;;) {
        const std::optional<std::string> piece = co_await request.body_stream();
        if (request.client)
            request.client->check_allowed();
        if (!piece)
            break;
        if (!in_use.lives())
            throw Error(Errc::gone, "session " + session.id + " has ended", "Make a new session.");
        if (place.size() + piece->size() > in_use.work_size.value)
            throw too_large(in_use);
        digest.add(*piece);
        place.write(*piece);
    }
    digest.check();
}

asio::awaitable<Response> upload(Manager& manager, std::shared_ptr<Uploads> uploads, RouteContext context) {
    check_parameters(context.request, {});
    const FoundSession session = visible_session(context);
    if (auto answer = not_there(manager, session))
        co_return std::move(*answer);
    if (auto refusal = refuse_upload(context.request))
        co_return std::move(*refusal);
    BodyDigest digest(context.request);
    manager::NewFile file;
    file.path = path_of(context);
    file.only_if = preconditions_of(context.request);
    const manager::InUse in_use = manager.use(session);
    if (announced_size(context.request) > in_use.work_size.value)
        throw too_large(in_use);
    const auto place = Uploads::enter(uploads, session.tenant, manager.site().state_dir + "/manager");
    place->check_room(announced_size(context.request));
    co_await spool(context.request, *place, digest, in_use, session);
    file.content = place->release();
    file.size = place->size();
    nlohmann::ordered_json document = path_json(file.path);
    document["size"] = file.size;
    manager::StoredFile stored;
    std::optional<Response> refused;
    try {
        auto storing = manager.put_file(session.id, std::move(file));
        stored = co_await while_client_stays(context.request.client, std::move(storing));
    } catch (const Error& error) {
        refused = file_problem(error);
    }
    if (refused)
        co_return std::move(*refused);
    document["etag"] = in_quotes(stored.tag);
    Response response;
    response.status = stored.created ? 201 : 200;
    response.body = dump(document);
    response.headers.emplace_back("ETag", in_quotes(stored.tag));
    co_return response;
}

asio::awaitable<Response> remove(Manager& manager, RouteContext context) {
    check_parameters(context.request, {});
    const FoundSession session = visible_session(context);
    if (auto answer = not_there(manager, session))
        co_return std::move(*answer);
    const std::string path = path_of(context);
    protocol::Preconditions only_if = preconditions_of(context.request);
    std::optional<Response> refused;
    try {
        co_await manager.remove_file(session.id, path, std::move(only_if));
    } catch (const Error& error) {
        refused = file_problem(error);
    }
    if (refused)
        co_return std::move(*refused);
    co_return Response{.status = 200, .body = dump(path_json(path)), .headers = {}};
}

} // namespace

void handlers::add_files(std::vector<Route>& routes, Manager& manager) {
    const RouteAdder add(routes, manager);
    constexpr const char* kFile = "/v1/sessions/{id}/files/{path...}";
    add.living("GET", "/v1/sessions/{id}/files", Role::session, download,
               "file.read"); // a list of /work itself
    add.living("GET", kFile, Role::session, download, "file.read").has_validators = true;
    add.living("DELETE", kFile, Role::session, remove, "file.delete").has_validators = true;
    const auto put = [uploads = std::make_shared<Uploads>()](Manager& its_manager, RouteContext context) {
        return upload(its_manager, uploads, std::move(context));
    };
    routes.push_back(
        {.method = "PUT",
         .pattern = kFile,
         .minimum = Role::session,
         .max_body = kAnyBody,
         .handler = [&manager,
                     put](RouteContext context) { return answer_living(manager, put, std::move(context)); },
         .action = "file.write",
         .streams_body = true,
         .has_validators = true});
}

} // namespace sandbox::api
