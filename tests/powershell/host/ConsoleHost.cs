using System;
using System.Collections.Generic;
using System.Collections.ObjectModel;
using System.Globalization;
using System.IO;
using System.Management.Automation;
using System.Management.Automation.Host;
using System.Security;

namespace VRep.PowerShellHost
{
    /// <summary>A host that writes text to `output` and cannot be asked anything. Tests use one of their own to see what a
    /// command shows.</summary>
    public sealed class ConsoleHost : PSHost
    {
        private readonly Guid id = Guid.NewGuid();
        private readonly ConsoleUI ui;

        public ConsoleHost(TextWriter output)
        {
            ui = new ConsoleUI(output);
        }

        public int? ExitCode { get; private set; }

        public override CultureInfo CurrentCulture => CultureInfo.InvariantCulture;
        public override CultureInfo CurrentUICulture => CultureInfo.GetCultureInfo("en-US");
        public override Guid InstanceId => id;
        public override string Name => "pshost";
        public override PSHostUserInterface UI => ui;
        public override Version Version => new Version(1, 0);

        public override void SetShouldExit(int exitCode) => ExitCode = exitCode;
        public override void EnterNestedPrompt() => throw new PSNotImplementedException("no nested prompt");
        public override void ExitNestedPrompt() { }
        public override void NotifyBeginApplication() { }
        public override void NotifyEndApplication() { }
    }

    public sealed class ConsoleUI : PSHostUserInterface
    {
        private readonly TextWriter output;
        private readonly ConsoleRawUI raw = new ConsoleRawUI();
        private string lastProgress;

        public ConsoleUI(TextWriter output)
        {
            this.output = output;
        }

        public override PSHostRawUserInterface RawUI => raw;

        public override void Write(string value) => output.Write(Plain(value));
        public override void Write(ConsoleColor foreground, ConsoleColor background, string value) => Write(value);
        public override void WriteLine(string value) => output.WriteLine(Plain(value));
        public override void WriteErrorLine(string value) => WriteLine(value);
        public override void WriteWarningLine(string message) => WriteLine("WARNING: " + message);
        public override void WriteVerboseLine(string message) => WriteLine("VERBOSE: " + message);
        public override void WriteDebugLine(string message) => WriteLine("DEBUG: " + message);

        private static string Plain(string text) => GetOutputString(text, false);

        /// <summary>A console draws a bar in one place; here each change is a line.</summary>
        public override void WriteProgress(long sourceId, ProgressRecord record)
        {
            string percent = record.PercentComplete < 0 ? "" : $" [{record.PercentComplete} %]";
            string line = $"{record.Activity}: {record.StatusDescription}{percent}";
            if (record.RecordType == ProgressRecordType.Processing && line != lastProgress)
                output.WriteLine(line);
            lastProgress = line;
        }

        public override string ReadLine() => throw Question();
        public override SecureString ReadLineAsSecureString() => throw Question();
        public override Dictionary<string, PSObject> Prompt(string caption, string message,
                                                            Collection<FieldDescription> descriptions) => throw Question();
        public override int PromptForChoice(string caption, string message, Collection<ChoiceDescription> choices,
                                            int defaultChoice) => throw Question();
        public override PSCredential PromptForCredential(string caption, string message, string userName,
                                                         string targetName) => throw Question();
        public override PSCredential PromptForCredential(string caption, string message, string userName, string targetName,
                                                         PSCredentialTypes allowed, PSCredentialUIOptions options) =>
            throw Question();

        private static HostException Question() => new HostException("This host cannot be asked anything.");
    }

    /// <summary>160 columns.</summary>
    public sealed class ConsoleRawUI : PSHostRawUserInterface
    {
        public override ConsoleColor BackgroundColor { get; set; } = ConsoleColor.Black;
        public override ConsoleColor ForegroundColor { get; set; } = ConsoleColor.Gray;
        public override Size BufferSize { get; set; } = new Size(160, 50);
        public override Coordinates CursorPosition { get; set; }
        public override int CursorSize { get; set; } = 1;
        public override bool KeyAvailable => false;
        public override Size MaxPhysicalWindowSize => BufferSize;
        public override Size MaxWindowSize => BufferSize;
        public override Coordinates WindowPosition { get; set; }
        public override Size WindowSize { get; set; } = new Size(160, 50);
        public override string WindowTitle { get; set; } = "";

        public override void FlushInputBuffer() { }
        public override BufferCell[,] GetBufferContents(Rectangle rectangle) => new BufferCell[0, 0];
        public override KeyInfo ReadKey(ReadKeyOptions options) => throw new HostException("This host has no keys.");
        public override void ScrollBufferContents(Rectangle source, Coordinates destination, Rectangle clip, BufferCell fill) { }
        public override void SetBufferContents(Coordinates origin, BufferCell[,] contents) { }
        public override void SetBufferContents(Rectangle rectangle, BufferCell fill) { }
    }
}
