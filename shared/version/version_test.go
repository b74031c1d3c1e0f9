package version

import (
	"regexp"
	"runtime/debug"
	"testing"
)

// The grammar is that of semver.org, without build metadata, which AWS's
// Serverless Application Repository doesn't tell apart.
func TestNumberIsSemantic(t *testing.T) {
	if !regexp.MustCompile(`^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$`).MatchString(Number) {
		t.Errorf("%q isn't a semantic version", Number)
	}
}

func TestText(t *testing.T) {
	built := func(version string, settings ...string) *debug.BuildInfo {
		information := &debug.BuildInfo{Main: debug.Module{Version: version}}
		for index := 0; index+1 < len(settings); index += 2 {
			information.Settings = append(information.Settings, debug.BuildSetting{Key: settings[index], Value: settings[index+1]})
		}
		return information
	}
	for name, test := range map[string]struct {
		information *debug.BuildInfo
		want        string
	}{
		"without build information":    {nil, Number},
		"from an archive":              {built("(devel)"), Number},
		"by go install of the release": {built("v" + Number), Number},
		"by go install of a branch":    {built("v9.9.10-0.20261130110000-8bb707ac0ffe"), Number + " (9.9.10-0.20261130110000-8bb707ac0ffe)"},
		"in a checkout":                {built("v9.9.10-0.20261130110000-8bb707ac0ffe", "vcs.revision", "8bb707ac0ffe0123456789", "vcs.modified", "false"), Number + " (8bb707ac0ffe)"},
		"in a changed checkout":        {built("(devel)", "vcs.revision", "8bb707a", "vcs.modified", "true"), Number + " (8bb707a, modified)"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := text(test.information); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}
