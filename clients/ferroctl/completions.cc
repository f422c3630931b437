#include "clients/ferroctl/completions.h"

#include <cstdio>
#include <memory>
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
  out += "    \"" + path + "\") offer=\"" + words + joined_options(command) + common + "\" ;;\n";
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
  // zsh reads this too, where `path` and `words` are variables of its own. The place grows by words that are
  // commands there; values of options, ids and files are passed over.
  return "_ferroctl() {\n"
         "  local known=\"" +
         known + "|\" valued=\" " + options +
         "\"\n"
         "  local word before=\"\" place=\"\" offer\n"
         "  for word in \"${COMP_WORDS[@]:1:$((COMP_CWORD - 1))}\"; do\n"
         "    if [[ $valued != *\" $before \"* && $known == *\"|${place:+$place }$word|\"* ]]; then\n"
         "      place=\"${place:+$place }$word\"\n"
         "    fi\n"
         "    before=$word\n"
         "  done\n"
         "  [[ -n $before && $valued == *\" $before \"* ]] && return  # a value: files\n"
         "  case \"$place\" in\n" +
         body +
         "  esac\n"
         "  COMPREPLY=($(compgen -W \"$offer\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n"
         "}\n"
         "complete -o default -F _ferroctl ferroctl kubectl-ferrocache\n";
}

std::string zsh(const CLI::App& app) {
  return "(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }\n"
         "autoload -Uz bashcompinit && bashcompinit\n" +
         bash(app);
}

std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\\' || c == '\'') out += '\\';
    out += c;
  }
  return out + "'";
}

void fish_lines(const CLI::App& command, const std::string& path, std::string& out) {
  const std::string begin = "complete -c ferroctl -n " + quoted("__ferroctl_at " + quoted(path));
  for (const CLI::App* sub : command.get_subcommands(nullptr)) {
    out += begin + " -f -a " + sub->get_name() + " -d " + quoted(sub->get_description()) + "\n";
    fish_lines(*sub, path.empty() ? sub->get_name() : path + " " + sub->get_name(), out);
  }
  for (const CLI::Option* option : command.get_options()) {
    if (option->get_lnames().empty()) continue;
    // Options of all commands are known everywhere.
    out += path.empty() ? "complete -c ferroctl" : begin;
    for (const std::string& name : option->get_snames()) out += " -s " + name;
    for (const std::string& name : option->get_lnames()) out += " -l " + name;
    if (option->get_items_expected_max() > 0) out += " -r";
    out += " -d " + quoted(option->get_description()) + "\n";
  }
}

std::string fish(const CLI::App& app) {
  std::string known;
  paths(app, "", known);
  std::set<std::string> with_value;
  valued(app, with_value);
  std::string options;
  for (const std::string& option : with_value) options += " " + option;
  std::string out =
      "function __ferroctl_at\n"
      "  set -l valued" +
      options +
      "\n"
      "  set -l known " +
      quoted(known + "|") +
      "\n"
      "  set -l path ''\n"
      "  set -l before ''\n"
      "  for word in (commandline -opc)[2..-1]\n"
      "    if not contains -- \"$before\" $valued\n"
      "      set -l longer (string trim -- \"$path $word\")\n"
      "      string match -q -- \"*|$longer|*\" $known; and set path $longer\n"
      "    end\n"
      "    set before $word\n"
      "  end\n"
      "  test \"$path\" = \"$argv[1]\"\n"
      "end\n";
  fish_lines(app, "", out);
  return out + "complete -c kubectl-ferrocache -w ferroctl\n";
}

// Text of a page: no character of it is an instruction.
std::string roff(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') {
      out += "\\e";
      continue;
    }
    if ((c == '.' || c == '\'') && (out.empty() || out.back() == '\n')) out += "\\&";
    if (c == '-') out += '\\';
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
      app.add_subcommand("completions", "print completions for a shell, to be read by it at its start");
  const auto shell = std::make_shared<std::string>("bash");
  completions->add_option("shell", *shell, "bash, zsh or fish")
      ->check(CLI::IsMember({"bash", "zsh", "fish"}))
      ->capture_default_str();
  on_chosen(*completions, session, [&app, shell]() -> Status {
    std::fputs((*shell == "fish" ? fish(app) : *shell == "zsh" ? zsh(app) : bash(app)).c_str(), stdout);
    return {};
  });
  CLI::App* const page = app.add_subcommand("man", "print the manual page: ferroctl man | man -l -");
  on_chosen(*page, session, [&app]() -> Status {
    std::fputs(man(app).c_str(), stdout);
    return {};
  });
}

}  // namespace ferro::ferroctl
