package awscall

import "strings"

// hidden stands in the record where a secret value stood.
const hidden = "HIDDEN"

// secretParameters are request parameters whose value is a secret, or may
// hold one, in lower case.
var secretParameters = map[string]bool{
	"secretstring":    true,
	"secretbinary":    true,
	"rotationtoken":   true,
	"plaintext":       true,
	"ciphertextblob":  true,
	"password":        true,
	"newpassword":     true,
	"oldpassword":     true,
	"userdata":        true,
	"secretaccesskey": true,
	"sessiontoken":    true,
}

// withoutSecrets copies parameters and hides what may not be recorded:
// secret values, and the values of containers' environment variables.
func withoutSecrets(parameters map[string]any) map[string]any {
	if parameters == nil {
		return nil
	}
	public, _ := hide("", parameters).(map[string]any)
	return public
}

func hide(name string, value any) any {
	lower := strings.ToLower(name)
	if secretParameters[lower] {
		return hidden
	}
	switch value := value.(type) {
	case map[string]any:
		copied := make(map[string]any, len(value))
		for key, child := range value {
			if lower == "environment" && strings.EqualFold(key, "value") || lower == "variables" {
				copied[key] = hidden
				continue
			}
			copied[key] = hide(key, child)
		}
		return copied
	case []any:
		copied := make([]any, len(value))
		for index, child := range value {
			// A list's items are judged under the list's own name.
			copied[index] = hide(name, child)
		}
		return copied
	}
	return value
}
