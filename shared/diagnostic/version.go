package diagnostic

import "runtime/debug"

// Version is the version of the module that the program was built from, or the
// commit where it was built in a checkout.
func Version() string {
	information, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if version := information.Main.Version; version != "" && version != "(devel)" {
		return version
	}
	for _, setting := range information.Settings {
		if setting.Key == "vcs.revision" {
			return "devel " + setting.Value[:min(12, len(setting.Value))]
		}
	}
	return "devel"
}
