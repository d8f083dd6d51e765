#include "standin/base/command.hpp"
#include "standin/base/text.hpp"
#include "standin/session/session.hpp"

#include <algorithm>

namespace standin {
namespace {

/// One line of `info`: what the note says, and its object in the value.
struct InfoLine {
    std::string note;
    std::string json;
};

Value report(Session& session, const std::vector<InfoLine>& lines) {
    std::vector<std::string> notes;
    std::vector<std::string> objects;
    for (const InfoLine& line : lines) {
        notes.push_back(line.note);
        objects.push_back(line.json);
    }
    session.log.note(join(notes, "\n"));
    return {"[" + join(objects, ", ") + "]", "null"};
}

// `/A:1`; with more models than one, `#1/A:1`.
std::string prefix(const Session& session, const Model& model) {
    return session.models.size() > 1 ? model.spec() : std::string();
}

Value info_models(Session& session) {
    std::vector<InfoLine> lines;
    for (const Model& model : session.models)
        lines.push_back({"model id " + model.spec() + " type AtomicStructure name " + model.name,
                         JsonObject()
                             .text("spec", model.spec())
                             .text("class", "AtomicStructure")
                             .text("attribute", "name")
                             .boolean("present", true)
                             .text("value", model.name)
                             .str()});
    return report(session, lines);
}

Value info_chains(Session& session) {
    std::vector<InfoLine> lines;
    for (const Model& model : session.models) {
        for (const Chain& chain : model.chains()) {
            const std::string spec = prefix(session, model) + "/" + chain.id;
            std::vector<std::string> residues;
            for (const Residue* residue : chain.residues)
                residues.push_back(prefix(session, model) + residue->spec());
            lines.push_back(
                {"chain id " + spec + " chain_id " + chain.id, JsonObject()
                                                                   .text("spec", spec)
                                                                   .text("attribute", "chain_id")
                                                                   .text("sequence", chain.sequence)
                                                                   .raw("residues", quote_all(residues))
                                                                   .text("polymer type", "protein")
                                                                   .boolean("present", true)
                                                                   .text("value", chain.id)
                                                                   .str()});
        }
    }
    return report(session, lines);
}

Value info_residues(Session& session) {
    std::vector<InfoLine> lines;
    for (const Model& model : session.models) {
        std::string chain;
        std::size_t index = 0; // in its chain's polymer
        for (const Residue& residue : model.residues) {
            index = residue.chain == chain ? index + 1 : 0;
            chain = residue.chain;
            const std::string spec = prefix(session, model) + residue.spec();
            lines.push_back({"residue id " + spec + " name " + residue.name +
                                 (residue.polymer ? " index " + std::to_string(index) : ""),
                             JsonObject()
                                 .text("spec", spec)
                                 .text("attribute", "name")
                                 .boolean("present", true)
                                 .text("value", residue.name)
                                 .str()});
        }
    }
    return report(session, lines);
}

Value info(Session& session, Words& words) {
    const std::optional<std::string> what = words.take_if_any();
    if (what == "models")
        return info_models(session);
    if (what == "chains")
        return info_chains(session);
    if (what == "residues")
        return info_residues(session);
    if (!what)
        return list_models(session, words);
    throw UserError("The stand-in has no info " + words.text());
}

std::size_t atom_count(const Session& session) {
    std::size_t count = 0;
    for (const Model& model : session.models)
        count += model.atoms.size();
    return count;
}

Value color(Session& session, Words& words) {
    std::string name;
    while (!words.empty())
        name = words.take("color");
    std::size_t residues = 0;
    for (Model& model : session.models) {
        model.color = lower(name);
        residues += model.residues.size();
    }
    session.log.status("Colored " + std::to_string(atom_count(session)) + " atoms, 0 surfaces, " +
                       std::to_string(residues) + " residues, and rings");
    return {};
}

Value style(Session& session, Words&) {
    const std::string text = "Changed " + std::to_string(atom_count(session)) + " atom styles";
    session.log.status(text);
    session.log.note(text);
    return {};
}

Value surface(Session& session, Words&) {
    std::vector<std::string> names;
    for (Model& model : session.models) {
        model.surface = true;
        int part = 0;
        for (const Chain& chain : model.chains())
            names.push_back(model.name + "_" + chain.id + " SES surface " + model.spec() + "." +
                            std::to_string(++part));
    }
    return {std::nullopt, quote_all(names)};
}

Value close(Session& session, Words& words) {
    if (words.empty() || words.take_word("session") || words.take_word("all")) {
        session.models.clear();
        return {};
    }
    while (!words.empty()) {
        const std::string spec = words.take("models");
        std::erase_if(session.models, [&](const Model& model) { return model.spec() == spec; });
    }
    return {};
}

} // namespace

Value list_models(Session& session, Words&) {
    const std::size_t count = session.models.size();
    std::string text = std::to_string(count) + (count == 1 ? " model\n" : " models\n");
    for (const Model& model : session.models)
        text += model.spec() + ", " + model.name + ", shown\n" + std::to_string(model.atoms.size()) +
                " atoms, " + std::to_string(model.residues.size()) + " residues, " +
                std::to_string(model.chains().size()) + " chains\n";
    session.log.note(text);
    return {};
}

void add_model_commands(CommandTable& table) {
    table["info"] = info;
    table["list"] = list_models;
    table["color"] = color;
    table["style"] = style;
    table["surface"] = surface;
    table["close"] = close;
    for (const char* name :
         {"cartoon", "view", "hide", "show", "lighting", "graphics", "camera", "turn", "move", "zoom",
          "transparency", "label", "select", "set", "windowsize", "display", "material", "preset", "rainbow"})
        table[name] = [](Session&, Words&) { return Value(); };
}

} // namespace standin
