#include "clients/ferroctl/completions.h"

#include <cstdio>
#include <set>
#include <string>

namespace ferro::ferroctl {
namespace {

std::string joined_options(const CLI::App& command) {
  std::string words;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) words += " --" + name;
  }
  return words;
}

// "wal verify" style paths of every command, with what may follow.
void cases(const CLI::App& command, const std::string& path, const std::string& common, std::string& out) {
  std::string words;
  for (const CLI::App* sub : command.get_subcommands(nullptr)) words += " " + sub->get_name();
  out += "    \"" + path + "\") words=\"" + words + joined_options(command) + common + "\" ;;\n";
  for (const CLI::App* sub : command.get_subcommands(nullptr)) {
    cases(*sub, path.empty() ? sub->get_name() : path + " " + sub->get_name(), common, out);
  }
}

// Options that are followed by a value, of all commands.
void valued(const CLI::App& command, std::set<std::string>& out) {
  for (const CLI::Option* option : command.get_options()) {
    if (option->get_items_expected_max() == 0) continue;  // a flag
    for (const std::string& name : option->get_lnames()) out.insert("--" + name);
    for (const std::string& name : option->get_snames()) out.insert("-" + name);
  }
  for (const CLI::App* sub : command.get_subcommands(nullptr)) valued(*sub, out);
}

void paths(const CLI::App& command, const std::string& path, std::string& out) {
  for (const CLI::App* sub : command.get_subcommands(nullptr)) {
    const std::string longer = path.empty() ? sub->get_name() : path + " " + sub->get_name();
    out += "|" + longer;
    paths(*sub, longer, out);
  }
}

std::string bash(const CLI::App& app) {
  std::string body, known;
  cases(app, "", joined_options(app), body);
  paths(app, "", known);
  std::set<std::string> with_value;
  valued(app, with_value);
  std::string options;
  for (const std::string& option : with_value) options += option + " ";
  // The path grows by words that are commands there; values of options, ids and files are passed over.
  return "_ferroctl() {\n"
         "  local known=\"" +
         known + "|\" valued=\" " + options +
         "\"\n"
         "  local word before=\"\" path=\"\" words\n"
         "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
         "    if [[ $valued != *\" $before \"* && $known == *\"|${path:+$path }$word|\"* ]]; then\n"
         "      path=\"${path:+$path }$word\"\n"
         "    fi\n"
         "    before=$word\n"
         "  done\n"
         "  [[ -n $before && $valued == *\" $before \"* ]] && return  # a value: files\n"
         "  case \"$path\" in\n" +
         body +
         "  esac\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n"
         "}\n"
         "complete -o default -F _ferroctl ferroctl kubectl-ferrocache\n";
}

std::string roff(std::string text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '-') out += '\\';
    out += c;
  }
  return out;
}

void man_of(const CLI::App& command, const std::string& path, std::string& out) {
  if (!path.empty()) out += ".SS " + roff(path) + "\n" + roff(command.get_description()) + "\n";
  for (const CLI::Option* option : command.get_options()) {
    out +=
        ".TP\n\\fB" + roff(option->get_name(false, true)) + "\\fR\n" + roff(option->get_description()) + "\n";
  }
  for (const CLI::App* sub : command.get_subcommands(nullptr)) {
    man_of(*sub, path.empty() ? sub->get_name() : path + " " + sub->get_name(), out);
  }
}

std::string man(const CLI::App& app) {
  std::string out =
      ".TH FERROCTL 1\n.SH NAME\nferroctl \\- look into and look after FerroCache\n.SH SYNOPSIS\n"
      "ferroctl [OPTIONS] COMMAND ...\n.SH DESCRIPTION\n" +
      roff(app.get_description()) + "\n.SH OPTIONS AND COMMANDS\n";
  man_of(app, "", out);
  return out;
}

}  // namespace

void add_completions(CLI::App& app, Session& session) {
  CLI::App* const completions =
      app.add_subcommand("completions", "print completions for bash (zsh: through bashcompinit)");
  on_chosen(*completions, session, [&app]() -> Status {
    std::fputs(bash(app).c_str(), stdout);
    return {};
  });
  CLI::App* const page = app.add_subcommand("man", "print the manual page: ferroctl man | man -l -");
  on_chosen(*page, session, [&app]() -> Status {
    std::fputs(man(app).c_str(), stdout);
    return {};
  });
}

}  // namespace ferro::ferroctl
