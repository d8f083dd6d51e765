#include "policy/load/inheritance.hpp"

#include "policy/files/trusted_file.hpp"
#include "policy/schema/schema.hpp"
#include "sandbox/base/id.hpp"

#include <algorithm>

namespace sandbox::policy {
namespace {

Document read_text(const std::string& text, const std::string& path) {
    Document document = parse_document(text, path);
    policy_file_schema().check(document);
    return document;
}

/// Tables merge, all else of `child` replaces. By moving: a copied node forgets where it was written.
void merge(toml::table& parent, toml::table&& child) {
    for (auto&& [key, value] : child) {
        toml::table* ours = parent[key].as_table();
        toml::table* theirs = value.as_table();
        if (ours != nullptr && theirs != nullptr)
            merge(*ours, std::move(*theirs));
        else
            value.visit(
                [&, &name = key](auto& concrete) { parent.insert_or_assign(name, std::move(concrete)); });
    }
}

/// A policy of the chain. Of one name there may be two: the admin's, and the vendor's that it extends.
struct Link {
    std::size_t layer;
    std::string name;

    bool operator==(const Link&) const = default;
};

std::string chain_text(const std::vector<Link>& links, const std::string& next) {
    std::string text;
    for (const Link& link : links)
        text += link.name + " -> ";
    return text + next;
}

/// The layer of the base that the last file extends. Its own name means the policy below it: the admin's
/// `default` starts from the vendor's.
std::size_t find_base(const Document& child, const std::vector<Link>& links, const std::string& base,
                      const Layers& layers, Trust trust) {
    const toml::node& node = *child.root.get("extends");
    if (base == kReservedName)
        throw wrong_value(child, node, "extends", "must not be \"probe\", the built-in policy");
    const bool is_own_name = base == links.back().name;
    const auto layer = find_layer(layers, base + ".toml", trust, is_own_name ? links.back().layer + 1 : 0);
    if (is_own_name && !layer)
        throw wrong_value(child, node, "extends",
                          "must not go round in a circle: " + chain_text(links, base) +
                              (layers.size() > 1 ? ", as no policy of this name is below it" : ""));
    if (!layer)
        throw wrong_value(child, node, "extends", "must be the name of a policy in " + layers_text(layers));
    if (std::ranges::find(links, Link{*layer, base}) != links.end())
        throw wrong_value(child, node, "extends",
                          "must not go round in a circle: " + chain_text(links, base));
    if (links.size() >= kMaxChain)
        throw wrong_value(child, node, "extends",
                          "must not make a chain of more than " + std::to_string(kMaxChain) +
                              " policies: " + chain_text(links, base));
    return *layer;
}

} // namespace

Document load_chain(const Layers& layers, std::size_t first, const std::string& name, Trust trust,
                    const std::optional<std::string>& text) {
    const auto path_of = [&](const Link& link) { return layers[link.layer] + "/" + link.name + ".toml"; };
    std::vector<Link> links{{first, name}};
    const std::string origin = path_of(links.back());
    std::vector<Document> files;
    files.push_back(read_text(text ? *text : read_trusted_file(origin, trust), origin));
    while (const auto base = files.back().root["extends"].value<std::string>()) {
        links.push_back({find_base(files.back(), links, *base, layers, trust), *base});
        const std::string path = path_of(links.back());
        files.push_back(read_text(read_trusted_file(path, trust), path));
    }
    Document merged = std::move(files.back());
    for (auto child = std::next(files.rbegin()); child != files.rend(); ++child)
        merge(merged.root, std::move(child->root));
    merged.root.erase("extends");
    merged.origin = origin;
    return merged;
}

} // namespace sandbox::policy
