package settings

import "fmt"

// Choice is "yes" or "no".
type Choice bool

// UnmarshalText refuses every other word.
func (c *Choice) UnmarshalText(text []byte) error {
	switch string(text) {
	case "yes":
		*c = true
	case "no":
		*c = false
	default:
		return fmt.Errorf("%q is neither yes nor no", text)
	}
	return nil
}
