#include "ctl/format/json_text.hpp"
#include "ctl/verify/verify.hpp"

#include <set>

#include <nlohmann/json.hpp>

namespace sandbox::ctl {
namespace {

bool is_set(const Json& list, const std::set<std::string>& expected) {
    if (!list.is_array() || list.size() != expected.size())
        return false;
    std::set<std::string> found;
    for (const Json& item : list)
        found.insert(word(Json{{"item", item}}, {"item"}));
    return found == expected;
}

std::string route_words(const Json& route) {
    const std::string via = word(route, {"via"});
    return word(route, {"to"}) + "/" + word(route, {"mask"}) + (via == "0.0.0.0" ? "" : " via " + via) +
           " dev " + word(route, {"device"});
}

void verify_routes(const Json& inspected, std::vector<Proof>& proofs) {
    // The lower address of the /31 is the near end's.
    const std::string expected = word(inspected, {"promise", "near_address"}) + "/255.255.255.254 dev eth0";
    const Json& routes = member(inspected, {"addresses", "routes"});
    std::string found;
    if (routes.is_array())
        for (const Json& route : routes)
            found += (found.empty() ? "" : ", ") + route_words(route);
    add_proof(proofs, "routes", found == expected, expected, found.empty() ? "none" : found);
    const Json& tables = member(inspected, {"addresses", "tables"});
    add_proof(proofs, "routing tables", is_set(tables, {"Local", "Main"}), "Local, Main", joined(tables));
}

void verify_published(const Json& inspected, std::vector<Proof>& proofs) {
    const Json& published = member(inspected, {"published"});
    const bool allowed = member(inspected, {"promise", "publish"}) == true;
    if (!published.is_object()) {
        add_proof(proofs, "published port", inspected.is_object() && inspected.contains("published"),
                  allowed ? "127.0.0.1 alone" : "none", "none");
        return;
    }
    const std::string expected = "127.0.0.1:" + word(published, {"port"});
    const std::string bound = word(published, {"bound"});
    add_proof(proofs, "published port", allowed && bound == expected, allowed ? expected : "none",
              bound == "-" ? "port " + word(published, {"port"}) + ", which the launcher does not hold"
                           : bound);
}

} // namespace

void verify_network(const Json& inspected, std::vector<Proof>& proofs) {
    const Json& interfaces = member(inspected, {"addresses", "interfaces"});
    add_proof(proofs, "interfaces", is_set(interfaces, {"eth0", "lo"}), "eth0, lo", joined(interfaces));
    const std::string address = word(inspected, {"promise", "address"});
    const Json& addresses = member(inspected, {"addresses", "addresses"});
    add_proof(proofs, "addresses", is_set(addresses, {"127.0.0.1", address}), "127.0.0.1, " + address,
              joined(addresses));
    const Json& ipv6 = member(inspected, {"addresses", "ipv6"});
    add_proof(proofs, "IPv6 addresses", ipv6.is_string() && ipv6.get<std::string>().empty(), "none",
              word(inspected, {"addresses", "ipv6"}));
    verify_routes(inspected, proofs);
    verify_published(inspected, proofs);
}

} // namespace sandbox::ctl
