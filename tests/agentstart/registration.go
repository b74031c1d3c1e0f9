package agentstart

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// registration is what the agent sends to register (ECS API Reference,
// RegisterContainerInstance).
type registration struct {
	Cluster    string
	Attributes []struct{ Name, Value string }
	Tags       []struct{ Key, Value string }
	Resources  []struct {
		Name           string
		StringSetValue []string
	} `json:"totalResources"`
}

var (
	clusterForm   = regexp.MustCompile(`^([A-Za-z0-9_-]{1,255}|arn:aws[a-z-]*:ecs:[a-z0-9-]+:[0-9]{12}:cluster/[A-Za-z0-9_-]{1,255})$`)
	attributeName = regexp.MustCompile(`^[A-Za-z0-9_./\\-]{1,128}$`)
	attributeText = regexp.MustCompile(`^[A-Za-z0-9_.@/\\: -]{0,128}$`)
)

// fault says why ECS refuses the registration, "" for nothing.
func (r registration) fault() string {
	if !clusterForm.MatchString(r.Cluster) {
		return "cluster"
	}
	for _, resource := range r.Resources {
		if len(resource.StringSetValue) > 100 {
			return "more than 100 of " + resource.Name
		}
	}
	for _, attribute := range r.Attributes {
		if strings.HasPrefix(attribute.Name, "com.amazonaws.") || strings.HasPrefix(attribute.Name, "ecs.") {
			continue // the agent's own
		}
		if !attributeName.MatchString(attribute.Name) || !attributeText.MatchString(attribute.Value) || strings.TrimSpace(attribute.Value) != attribute.Value {
			return "attribute"
		}
	}
	if len(r.Tags) > 50 {
		return fmt.Sprintf("%d tags", len(r.Tags))
	}
	for _, tag := range r.Tags {
		if length := utf8.RuneCountInString(tag.Key); length < 1 || length > 128 || utf8.RuneCountInString(tag.Value) > 256 || strings.HasPrefix(strings.ToLower(tag.Key), "aws:") {
			return "tag"
		}
	}
	return ""
}
