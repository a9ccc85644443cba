package cli

import (
	"os"
	"os/user"
	"strconv"
)

// userName asks the user database and not the environment, which anybody can set.
func userName() string {
	id := strconv.Itoa(os.Getuid())
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return id
}
