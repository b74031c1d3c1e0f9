// Package version is the one source of the project's version. Programs, reports
// and tags show it; tests hold the template and the changelog against it.
package version

import (
	"runtime/debug"
	"strings"
)

// Number is the release that this tree is or becomes, by Semantic Versioning,
// without a leading v. A release begins with a change here; docs/release.md says
// what follows.
const Number = "0.2.0"

// Text is the number and, where the program knows it, the commit that it was
// built from, as in "0.2.0 (8bb707ac0ffe)".
func Text() string {
	information, _ := debug.ReadBuildInfo()
	return text(information)
}

func text(information *debug.BuildInfo) string {
	if information == nil {
		return Number
	}
	commit, modified := "", false
	for _, setting := range information.Settings {
		switch setting.Key {
		case "vcs.revision":
			commit = setting.Value[:min(12, len(setting.Value))]
		case "vcs.modified":
			modified = setting.Value == "true"
		}
	}
	switch built := strings.TrimPrefix(information.Main.Version, "v"); {
	case commit != "" && modified:
		return Number + " (" + commit + ", modified)"
	case commit != "":
		return Number + " (" + commit + ")"
	case built == "" || built == "(devel)" || built == Number:
		return Number
	default:
		// go install ADDRESS@BRANCH names the commit in a version of its own.
		return Number + " (" + built + ")"
	}
}
