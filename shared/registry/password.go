package registry

import (
	"fmt"
	"io"
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/shared/secret"
)

const (
	// passwordLetters need no quoting in JSON, in a URL, in a shell or in an
	// htpasswd file. There are 62, so that 40 of them have 238 bits.
	passwordLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	// passwordLength stays below bcrypt's 72 bytes.
	passwordLength = 40
)

// NewPassword makes a password that every registry here takes: Harbor wants 8
// to 128 characters with a lower-case letter, an upper-case one and a digit.
func NewPassword(random io.Reader) (secret.Text, error) {
	for {
		letters := make([]byte, 0, passwordLength)
		for len(letters) < passwordLength {
			var drawn [passwordLength]byte
			if _, err := io.ReadFull(random, drawn[:]); err != nil {
				return secret.Text{}, fmt.Errorf("draw random bytes for a password: %w", err)
			}
			for _, b := range drawn {
				// Every letter is equally likely: 4 × 62 = 248 values of a byte count.
				if b < 248 && len(letters) < passwordLength {
					letters = append(letters, passwordLetters[int(b)%len(passwordLetters)])
				}
			}
		}
		password := string(letters)
		if strings.ContainsAny(password, passwordLetters[:26]) && strings.ContainsAny(password, passwordLetters[26:52]) && strings.ContainsAny(password, passwordLetters[52:]) {
			return secret.New(password), nil
		}
	}
}

// ChoosePassword issues our own password for the standby account.
func ChoosePassword(random io.Reader, order Order) (Issued, error) {
	password, err := NewPassword(random)
	if err != nil {
		return Issued{}, err
	}
	return Issued{Credential: Credential{order.Next, password}, ID: order.Next, Version: order.Version}, nil
}
