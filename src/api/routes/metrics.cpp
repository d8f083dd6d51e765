// The route of the figures of this program as a whole.
#include "api/format/metrics_text.hpp"
#include "api/routes/routes.hpp"

#include <chrono>
#include <fstream>

#include <sys/resource.h>
#include <unistd.h>

namespace asio = boost::asio;

namespace sandbox::api {
namespace {

using manager::Manager;
using metric::Family;
using metric::Kind;

/// The usual names of every program.
std::vector<Family> process_metrics(double started_at) {
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    std::vector<Family> families{{"process_cpu_seconds",
                                  Kind::counter,
                                  "CPU time that sandboxd used.",
                                  {{{}, seconds(used.ru_utime) + seconds(used.ru_stime)}}},
                                 {"process_start_time_seconds",
                                  Kind::gauge,
                                  "When sandboxd began to serve, since 1970.",
                                  {{{}, started_at}}}};
    double size = 0, resident = 0; // pages, the first two numbers of statm (proc(5))
    if (std::ifstream("/proc/self/statm") >> size >> resident)
        families.push_back({"process_resident_memory_bytes",
                            Kind::gauge,
                            "Resident memory of sandboxd.",
                            {{{}, resident * static_cast<double>(::sysconf(_SC_PAGESIZE))}}});
    return families;
}

asio::awaitable<Response> metrics(Manager& manager, const HttpMetrics& http, std::string version,
                                  double started_at, RouteContext context) {
    check_parameters(context.request, {});
    std::vector<Family> families{
        {"sandboxd_build_info", Kind::gauge, "1, with the version.", {{{{"version", version}}, 1.0}}}};
    for (Family& family : manager.metrics())
        families.push_back(std::move(family));
    families.push_back(http.family());
    for (Family& family : process_metrics(started_at))
        families.push_back(std::move(family));
    const MetricsFormat format = choose_metrics_format(context.request.header("accept").value_or(""));
    Response response;
    response.content_type = content_type_of(format);
    response.body = metrics_text(families, format);
    co_return response;
}

} // namespace

void handlers::add_metrics(std::vector<Route>& routes, Manager& manager, const HttpMetrics& http,
                           const std::string& version) {
    const double started_at =
        std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
    routes.push_back({.method = "GET",
                      .pattern = "/metrics",
                      .minimum = Role::admin,
                      .max_body = kMaxJsonBody,
                      .handler =
                          [&manager, &http, version, started_at](RouteContext context) {
                              return metrics(manager, http, version, started_at, std::move(context));
                          },
                      .action = {},
                      .streams_body = false,
                      .for_monitors = true});
}

} // namespace sandbox::api
