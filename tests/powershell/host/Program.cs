using System;
using System.IO;
using System.Linq;
using System.Management.Automation;
using System.Management.Automation.Runspaces;
using System.Text;

namespace VRep.PowerShellHost
{
    /// <summary>
    ///   pshost SCRIPT [ARGUMENT...]   runs a script; its exit code is the script's
    ///   pshost --session FOLDER       reads commands from standard input, a line each, and shows them and their output
    ///                                 as a console would; FOLDER is the current one
    /// Not interactive: whatever asks a question gets an error.
    /// </summary>
    internal static class Program
    {
        private static int Main(string[] arguments)
        {
            Console.OutputEncoding = new UTF8Encoding(false);
            if (arguments.Length == 0)
            {
                Console.Error.WriteLine("usage: pshost SCRIPT [ARGUMENT...] | pshost --session FOLDER");
                return 2;
            }
            ConsoleHost host = new ConsoleHost(Console.Out);
            using Runspace runspace = RunspaceFactory.CreateRunspace(host, InitialSessionState.CreateDefault2());
            runspace.Open();
            Runspace.DefaultRunspace = runspace; // for script blocks that .NET calls back
            if (arguments[0] == "--session")
                return Session(runspace, arguments[1]);
            return Script(runspace, host, arguments[0], arguments.Skip(1).ToArray());
        }

        private static int Script(Runspace runspace, ConsoleHost host, string path, string[] arguments)
        {
            using PowerShell shell = PowerShell.Create(runspace);
            shell.AddCommand(Path.GetFullPath(path), false);
            foreach (string argument in arguments)
                shell.AddArgument(argument);
            shell.AddCommand("Out-Default");
            shell.Commands.Commands[0].MergeMyResults(PipelineResultTypes.Error, PipelineResultTypes.Output);
            try
            {
                shell.Invoke();
            }
            catch (RuntimeException problem)
            {
                Console.Error.WriteLine(problem.ErrorRecord + Environment.NewLine + problem.ErrorRecord.ScriptStackTrace);
                return 1;
            }
            return host.ExitCode ?? (shell.HadErrors ? 1 : 0);
        }

        private static int Session(Runspace runspace, string folder)
        {
            runspace.SessionStateProxy.Path.SetLocation(WildcardPattern.Escape(folder));
            for (string line = Console.ReadLine(); line != null; line = Console.ReadLine())
            {
                Console.WriteLine("PS> " + line);
                using PowerShell shell = PowerShell.Create(runspace);
                shell.AddScript(line, false).AddCommand("Out-Default");
                shell.Commands.Commands[0].MergeMyResults(PipelineResultTypes.Error, PipelineResultTypes.Output);
                try
                {
                    shell.Invoke();
                }
                catch (RuntimeException problem)
                {
                    Console.WriteLine(problem.ErrorRecord);
                }
                Console.WriteLine("\u0004"); // the command has ended
            }
            return 0;
        }
    }
}
