package ecsconfig

// Mounts and LogLevels let the test of the facts see the tables.
var (
	LogLevels = logLevels
	Mounts    = func() []string {
		var found []string
		for _, m := range mounts {
			text := m.host + ":" + m.container
			if m.readOnly {
				text += ":ro"
			}
			found = append(found, text)
		}
		return found
	}
)
