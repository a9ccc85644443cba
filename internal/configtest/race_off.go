//go:build !race

package configtest

// raceDetector tells that the tests are built to look for races, which daemons and packets have no part in: generators are pure.
const raceDetector = false
