package agentstart

// Job is one start-up: the environment of the agent's container, and whether
// the network leads to the AWS APIs through the proxy only.
type Job struct {
	Environment map[string]string `json:"environment"`
	ProxyOnly   bool              `json:"proxyOnly,omitempty"`
}
