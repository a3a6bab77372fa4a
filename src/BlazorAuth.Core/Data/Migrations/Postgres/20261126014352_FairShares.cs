using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace BlazorAuth.Core.Data.Migrations.Postgres
{
    /// <inheritdoc />
    public partial class FairShares : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropIndex(
                name: "IX_Sessions_ChangeNumber",
                table: "Sessions");

            migrationBuilder.DropIndex(
                name: "IX_Outbox_DoneAt_NextAttemptAt",
                table: "Outbox");

            migrationBuilder.AddColumn<int>(
                name: "Folded",
                table: "Outbox",
                type: "integer",
                nullable: false,
                defaultValue: 0);

            migrationBuilder.AddColumn<string>(
                name: "Network",
                table: "Outbox",
                type: "text",
                nullable: false,
                defaultValue: "");

            migrationBuilder.CreateIndex(
                name: "IX_Sessions_ChangeNumber_Id",
                table: "Sessions",
                columns: new[] { "ChangeNumber", "Id" });

            migrationBuilder.CreateIndex(
                name: "IX_Outbox_DoneAt_Network_NextAttemptAt",
                table: "Outbox",
                columns: new[] { "DoneAt", "Network", "NextAttemptAt" });

            migrationBuilder.CreateIndex(
                name: "IX_Outbox_To_DoneAt",
                table: "Outbox",
                columns: new[] { "To", "DoneAt" });
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropIndex(
                name: "IX_Sessions_ChangeNumber_Id",
                table: "Sessions");

            migrationBuilder.DropIndex(
                name: "IX_Outbox_DoneAt_Network_NextAttemptAt",
                table: "Outbox");

            migrationBuilder.DropIndex(
                name: "IX_Outbox_To_DoneAt",
                table: "Outbox");

            migrationBuilder.DropColumn(
                name: "Folded",
                table: "Outbox");

            migrationBuilder.DropColumn(
                name: "Network",
                table: "Outbox");

            migrationBuilder.CreateIndex(
                name: "IX_Sessions_ChangeNumber",
                table: "Sessions",
                column: "ChangeNumber");

            migrationBuilder.CreateIndex(
                name: "IX_Outbox_DoneAt_NextAttemptAt",
                table: "Outbox",
                columns: new[] { "DoneAt", "NextAttemptAt" });
        }
    }
}
