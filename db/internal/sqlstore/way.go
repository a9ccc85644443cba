package sqlstore

// Way is what there is to do about an error. It is the front that words it: only that knows what its commands and flags are
// called. The values of the error are what the way speaks of, in the order in which it is described here.
type Way string

const (
	// WayNewLedger: use a ledger that is empty.
	WayNewLedger Way = "new_ledger"
	// WayCheckLedger: have the ledger checked.
	WayCheckLedger Way = "check_ledger"
	// WayMakeLedger: look where the ledger is, or make one.
	WayMakeLedger Way = "make_ledger"
	// WayLocalDisk: keep the ledger on a local disk, or on a server.
	WayLocalDisk Way = "local_disk"
	// WayServer: keep the ledger on a server, since the system has none in files.
	WayServer Way = "server"
	// WayNewerProgram: use the program that made the ledger, or a newer one.
	WayNewerProgram Way = "newer_program"
	// WayMigrate: bring the schema up to date.
	WayMigrate Way = "migrate"
	// WayAnotherPlace: keep the ledger elsewhere.
	WayAnotherPlace Way = "another_place"
	// WayLookFirst: find out whether the change was made before it is made again.
	WayLookFirst Way = "look_first"
	// WayEscapeURL: write the reserved characters of a URL as their codes.
	WayEscapeURL Way = "escape_url"
	// WayRestoreDatabase: have the ledger checked, and restored on its server.
	WayRestoreDatabase Way = "restore_database"
	// WayRestoreFile: have the ledger checked, and its file restored.
	WayRestoreFile Way = "restore_file"
	// WayCopyBoth: copy the file and its log to where one may write.
	WayCopyBoth Way = "copy_both"
	// WayAgain: try again.
	WayAgain Way = "again"
	// WayPostgresForm: write the URL in this form.
	WayPostgresForm Way = "postgres_form"
	// WayDotSlash: write the name of a file that begins like a URL, which is the value, with ./ before it.
	WayDotSlash Way = "dot_slash"
	// WayDotSlashPath: write the name of a file that looks like a URL or DSN with ./ before it.
	WayDotSlashPath Way = "dot_slash_path"
	// WayCheckHost: see that the server runs, and where.
	WayCheckHost Way = "check_host"
	// WayCheckPassword: see where the password comes from.
	WayCheckPassword Way = "check_password"
	// WayCreateDatabase: make the database, which is the value.
	WayCreateDatabase Way = "create_database"
	// WayAgainOrMoreConnections: try again, or let the server have more connections.
	WayAgainOrMoreConnections Way = "again_or_more_connections"
	// WayAgainWhenUp: try again when the server is up.
	WayAgainWhenUp Way = "again_when_up"
	// WayTimeouts: try again, or give the command more time on the server.
	WayTimeouts Way = "timeouts"
	// WayPrimary: write on the server that takes changes.
	WayPrimary Way = "primary"
	// WayAgainOrPrimary: try again, or read where nothing is replayed.
	WayAgainOrPrimary Way = "again_or_primary"
	// WaySearchPath: give the role a schema.
	WaySearchPath Way = "search_path"
	// WayUTF8: keep the ledger in a database that has every character.
	WayUTF8 Way = "utf8"
	// WayGrantCreate: let the user make schemas; the values are the database and the user.
	WayGrantCreate Way = "grant_create"
	// WayWaitLonger: try again, or wait longer.
	WayWaitLonger Way = "wait_longer"
	// WayHistory: look what changes there are.
	WayHistory Way = "history"
)
