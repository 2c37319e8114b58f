-- What wixl cannot say, or says wrongly without telling. Statements end with an empty line; {name} is filled in by make_msi.py.

-- An upgrade installs over the old version and removes what is left of that last, after InstallFinalize: the service is
-- never deleted, and its files are replaced, not removed first.
UPDATE InstallExecuteSequence SET Sequence = 6700 WHERE Action = 'RemoveExistingProducts'

-- The optional feature stays as it was chosen.
DELETE FROM Upgrade WHERE ActionProperty = 'WIX_UPGRADE_DETECTED'

INSERT INTO Upgrade (UpgradeCode, VersionMax, Attributes, ActionProperty)
VALUES ('{A624131B-3781-45CD-9E85-01FED1F008B2}', '{version}', 1, 'WIX_UPGRADE_DETECTED')

-- Every search and condition belongs to the sequence that installs, which the silent installation has, too.
DELETE FROM InstallUISequence WHERE Action = 'FindRelatedProducts'

DELETE FROM InstallUISequence WHERE Action = 'AppSearch'

DELETE FROM InstallUISequence WHERE Action = 'LaunchConditions'

DELETE FROM InstallUISequence WHERE Action = 'MigrateFeatureStates'

-- Public properties pass to the elevated half for whoever may install.
UPDATE Property SET Value = 'INSTALLDIR;DATADIR;LISTEN_PORT;LISTEN_ADDRESS;SERVICESTART;SERVICEACCOUNT;REMOVEDATA;FORCE;WIX_UPGRADE_DETECTED;WIX_DOWNGRADE_DETECTED' WHERE Property = 'SecureCustomProperties'

-- Whether the service starts: at first as SERVICESTART says, then if it ran.
UPDATE InstallExecuteSequence
SET Condition = 'SERVICESTART <> "disabled" AND (ServiceWasRunning OR (NOT Installed AND NOT WIX_UPGRADE_DETECTED AND SERVICESTART = "auto"))'
WHERE Action = 'StartServices'

-- wixl makes an immediate action of a rollback one: 256 it is, on top of deferred (1024), not as the installing person (2048), DLL (1).
UPDATE CustomAction SET Type = 3329 WHERE Action = 'ConfigureUndo'

-- The firewall has nothing to open while connections are not encrypted, however the feature was chosen.
INSERT INTO CustomAction (Action, Type, Target)
VALUES ('RefuseFirewallRule', 19, 'The feature FirewallRule cannot be installed yet: connections are not encrypted, so VRep listens on loopback addresses only and no port is to be opened. Leave it out of ADDLOCAL.')

INSERT INTO InstallExecuteSequence (Action, Condition, Sequence)
VALUES ('RefuseFirewallRule', '&FirewallRule = 3', 1015)

-- PATH, of the machine; taken away with the component.
CREATE TABLE Environment (Environment CHAR(72) NOT NULL, Name CHAR(255) NOT NULL LOCALIZABLE, Value CHAR(255) LOCALIZABLE, Component_ CHAR(72) NOT NULL PRIMARY KEY Environment)

INSERT INTO Environment (Environment, Name, Value, Component_)
VALUES ('Path', '=-*PATH', '[~];[INSTALLDIR]', 'Tools')

INSERT INTO InstallExecuteSequence (Action, Sequence) VALUES ('RemoveEnvironmentStrings', 3300)

INSERT INTO InstallExecuteSequence (Action, Sequence) VALUES ('WriteEnvironmentStrings', 5200)
